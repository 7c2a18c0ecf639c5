-- Adds jobs of a producer, each once.
-- ARGV: the producer, the number of the first job, how many jobs the queue may hold, the payloads.
-- Returns the number of the producer's last job that is stored; what comes after it found no room.
local jobs, producers = KEYS[1], KEYS[2]
local producer, number, room = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local last = tonumber(redis.call('HGET', producers, producer) or '0')
if number > last + 1 then
    return redis.error_reply('GAP the last job of this producer has the number ' .. last)
end
local free = room - redis.call('XLEN', jobs)
for i = 4, #ARGV do
    if number > last then
        if free <= 0 then
            break
        end
        redis.call('XADD', jobs, '*', 'job', producer .. ':' .. number, 'payload', ARGV[i])
        free = free - 1
        last = number
    end
    number = number + 1
end
if last > 0 then
    redis.call('HSET', producers, producer, last)
end
return last
