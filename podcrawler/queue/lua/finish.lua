-- leased -> finished: records the entry and ends its lease.
-- Keys: Q entries, routes, leases, owners, tokens, tries, expiries, deliveries, ended, open; A told, finished:<group>, visit:<group>, podcasts, addresses, events
-- ARGV: key, token, what to record, where the file lies that was downloaded, how many entries it told, seconds that a visit
--   is remembered, then of a list page: podcast id, podcast JSON, the addresses that lead to it
-- Returns 1, or 0 if the lease is lost and nobody else has finished the entry, or if Redis has forgotten an entry that it
--   told: then the lease is handed back.
local key, token, value, path = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local told, visit = tonumber(ARGV[5]), tonumber(ARGV[6])
local route = route_of(key)
if not owns(key, token) then
  redis.call('HDEL', A .. 'told', token)
  -- No route: the entry was finished, by this lease in a call whose answer did not arrive, or by a later one.
  return route and 0 or 1
end

if not has_told(token, told) then
  end_lease(key)
  to_pending(key, route)
  return 0
end

if route.kind ~= 'seed' then
  local record = record_key(route)
  redis.call('HSET', record, route.name, value)
  if route.kind == 'page' then redis.call('EXPIRE', record, visit) end
end
if ARGV[7] then
  redis.call('HSET', A .. 'podcasts', ARGV[7], ARGV[8])
  for i = 9, #ARGV do
    redis.call('HSETNX', A .. 'addresses', ARGV[i], ARGV[7])
  end
end
end_lease(key)
forget(key)
count_open(route.group, -1)
tell('finished', key, route.group, 'value', value, 'path', path)
return 1
