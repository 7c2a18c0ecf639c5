-- Puts a job that cannot be done among those that failed.
-- ARGV: the group, the entry, the job, its payload, the reason.
-- Returns 1, or 0 if the job has been ended before, and then nothing happens.
local jobs, failed = KEYS[1], KEYS[5]
local group, id, job, payload, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if redis.call('XACK', jobs, group, id) == 0 then
    return 0
end
redis.call('XDEL', jobs, id)
redis.call('XADD', failed, '*', 'job', job, 'payload', payload, 'reason', reason)
return 1
