-- Takes over jobs of workers that have not been heard of for the time of a lease.
-- ARGV: the group, the worker that asks, the lease in milliseconds, how many jobs at most, how often a job may be begun.
-- Returns the jobs, as entries of the stream.
local jobs, failed = KEYS[1], KEYS[5]
local group, worker, lease, most, attempts = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local function field(fields, name)
    for i = 1, #fields, 2 do
        if fields[i] == name then
            return fields[i + 1]
        end
    end
    return ''
end
local claimed, cursor = {}, '0-0'
-- One call looks at a few entries only, and all of those may be held by workers that are well.
repeat
    local answer = redis.call('XAUTOCLAIM', jobs, group, worker, lease, cursor, 'COUNT', most - #claimed)
    cursor = answer[1]
    for _, entry in ipairs(answer[2]) do
        local id, fields = entry[1], entry[2]
        local begun = redis.call('XPENDING', jobs, group, id, id, 1)[1][4]
        if begun > attempts then
            local job, payload = field(fields, 'job'), field(fields, 'payload')
            local reason = 'its worker was lost ' .. attempts .. ' times'
            redis.call('XADD', failed, '*', 'job', job, 'payload', payload, 'reason', reason)
            redis.call('XACK', jobs, group, id)
            redis.call('XDEL', jobs, id)
        else
            table.insert(claimed, entry)
        end
    end
until cursor == '0-0' or #claimed >= most
-- Those who hold nothing any more and have been silent for very long are forgotten. One who is alive after all comes back with
-- the next job that it takes.
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', jobs, group)) do
    local name, pending, idle = consumer[2], consumer[4], consumer[6]
    if name ~= worker and pending == 0 and idle > 20 * tonumber(lease) then
        redis.call('XGROUP', 'DELCONSUMER', jobs, group, name)
    end
end
return claimed
