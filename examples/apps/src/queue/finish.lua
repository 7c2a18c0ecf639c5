-- Ends a job and applies its effect, both or neither.
-- ARGV: the group, the entry, the job, its result.
-- Returns 1, or 0 if the job has been ended before, and then nothing happens.
local jobs, results, applied = KEYS[1], KEYS[3], KEYS[4]
local group, id, job, result = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('XACK', jobs, group, id) == 0 then
    return 0
end
redis.call('XDEL', jobs, id)
-- The effect. That it is applied once is checked by counting.
redis.call('HSET', results, job, result)
redis.call('HINCRBY', applied, job, 1)
return 1
