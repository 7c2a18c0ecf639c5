-- Says that a worker still does its jobs.
-- ARGV: the group, the worker, the entries of its jobs.
-- Returns the entries that it does not hold any more.
local jobs = KEYS[1]
local group, worker = ARGV[1], ARGV[2]
local lost = {}
for i = 3, #ARGV do
    local id = ARGV[i]
    if #redis.call('XPENDING', jobs, group, id, id, 1, worker) == 0 then
        table.insert(lost, id)
    else
        redis.call('XCLAIM', jobs, group, worker, 0, id, 'JUSTID')
    end
end
return lost
