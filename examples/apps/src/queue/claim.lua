-- Takes over jobs of workers that have not been heard of for the time of a lease.
-- ARGV: the group, the worker that asks, the lease in milliseconds, how many jobs at most, how often a job may be begun.
-- Returns the jobs: of each the entry, the name and the payload.
local jobs, failed = KEYS[1], KEYS[5]
local group, worker, lease, most, attempts = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local claimed = {}
for _, entry in ipairs(redis.call('XAUTOCLAIM', jobs, group, worker, lease, '0-0', 'COUNT', most)[2]) do
    local id, fields = entry[1], entry[2]
    local begun = redis.call('XPENDING', jobs, group, id, id, 1)[1][4]
    if begun > attempts then
        local reason = 'its worker was lost ' .. attempts .. ' times'
        redis.call('XADD', failed, '*', 'job', fields[2], 'payload', fields[4], 'reason', reason)
        redis.call('XACK', jobs, group, id)
        redis.call('XDEL', jobs, id)
    else
        table.insert(claimed, { id, fields[2], fields[4] })
    end
end
-- Those who hold nothing any more and have been silent for very long are forgotten. One who is alive after all comes back with
-- the next job that it takes.
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', jobs, group)) do
    local name, pending, idle = consumer[2], consumer[4], consumer[6]
    if name ~= worker and pending == 0 and idle > 20 * tonumber(lease) then
        redis.call('XGROUP', 'DELCONSUMER', jobs, group, name)
    end
end
return claimed
