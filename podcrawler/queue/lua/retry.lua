-- leased -> delayed, or -> failed after the last try: a lease ends in an error.
-- Keys: Q entries, leases, owners, tokens, ended, routes, tries, delayed, failed, open, connected, hops, resting, asked,
--   hosts; A told, events
-- ARGV: now, key, token, kind, class, reason, most tries, ms until the next one, whether this one counts (1 or 0), host
--   that answered (empty: the one that the lease counts for), ms that this host asks all to wait (0: none), for a seed:
--   what is kept of it
-- Returns 'delayed', 'failed' or 'lost'. Idempotent, because a node repeats a call whose answer did not arrive.
local now, key, token, kind, class, reason = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local most_tries, delay, counts = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
local host, pause = ARGV[10], tonumber(ARGV[11])
if not owns(key, token) then
  if redis.call('HGET', Q .. 'ended', key) ~= token then return 'lost' end
  return state_of(key) == 'failed' and 'failed' or 'delayed'
end

local route = any_route(key)
if pause > 0 then
  if host == '' then
    host = counted_for(key) or route.host
  end
  rest_as_asked(host, now, kind, pause)
end
redis.call('HSET', Q .. 'ended', key, token)
if ARGV[12] then redis.call('HSET', Q .. 'entries', key, ARGV[12]) end
if counts and add_to(Q .. 'tries', key, 1) >= most_tries then
  to_failed(now, key, route, kind, class, reason)
  return 'failed'
end
end_lease(key)
redis.call('ZADD', Q .. 'delayed', now + delay, key)
add_event('delayed', key, route.group, 'kind', kind, 'reason', reason, 'delay', delay)
return 'delayed'
