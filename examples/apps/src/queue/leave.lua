-- Takes a worker out of the group, unless it still holds jobs: they would be forgotten with it.
-- ARGV: the group, the worker.
local jobs = KEYS[1]
local group, worker = ARGV[1], ARGV[2]
if #redis.call('XPENDING', jobs, group, '-', '+', 1, worker) == 0 then
    return redis.call('XGROUP', 'DELCONSUMER', jobs, group, worker)
end
return 0
