-- Replaces the report of a node. The clock of this server decides when that was, so that nodes whose clocks differ see
-- each other. Runs alone, without states.lua.
-- Keys: KEYS[1], the report; KEYS[2], the nodes
-- ARGV: name of the node, seconds that the report lasts, seconds that the node has run, then field and JSON of each value
-- Returns 1, or 0 if there was none.
local name, lasts, uptime = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000

local was_there = redis.call('EXISTS', KEYS[1])
redis.call('HSET', KEYS[1], 'seen', string.format('%.3f', now), 'started', string.format('%.3f', now - uptime),
  unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], lasts)
redis.call('ZADD', KEYS[2], now, name)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - lasts)
-- The clock was set back, or a node of an earlier release has another one.
redis.call('ZREMRANGEBYSCORE', KEYS[2], now + lasts, '+inf')
return was_there
