-- leased -> delayed, or -> failed when the tries are used up: an error that may pass.
-- Keys: Q leases, owners, tokens, routes, tries, delayed, failed, open; A events
-- ARGV: now, key, token, kind, reason, most tries, ms before the second try (fourfold before each further one),
--   the most ms
-- Returns 'delayed', 'failed' or 'lost'.
local now, key, token, kind, reason = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local most_tries, first_delay, most_delay = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
if not owns(key, token) then return 'lost' end

local route = route_of(key)
local tries = redis.call('HINCRBY', Q .. 'tries', key, 1)
if tries >= most_tries then
  to_failed(now, key, route, kind, reason, true)
  return 'failed'
end
end_lease(key)
redis.call('ZADD', Q .. 'delayed', now + math.min(first_delay * 4 ^ (tries - 1), most_delay), key)
tell('delayed', key, route.group, 'kind', kind, 'reason', reason)
return 'delayed'
