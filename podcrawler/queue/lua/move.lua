-- Counts a lease for another host, before its node connects to that one.
-- Keys: Q owners, connected, hops, routes, and those of the end of a lease: leases, tokens, connections, full, resting,
--   pending:<host>, hosts; A told
-- ARGV: now, key, token, host, most connections of a host, JSON of single hosts
-- Returns 1; or 0 if the host has all of its connections or rests: then the entry is pending, under that host; or 0 if
--   the lease is lost.
local now, key, token, host = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local limits = read_limits(ARGV[5], ARGV[6])
if not owns(key, token) then return 0 end

local counts_for, hop = redis.call('HGET', Q .. 'connected', key), redis.call('HGET', Q .. 'hops', key)
if host == (hop or counts_for) then return 1 end
if host == counts_for then
  free_connection('hops', key)
  return 1
end

local route = any_route(key)
local is_full = has_all_connections(host, limits)
if is_full or redis.call('ZSCORE', Q .. 'resting', host) then
  end_lease(key)
  route.host = host
  set_route(key, route)
  to_pending(key, route)
  if is_full then mark_full(host) end
  return 0
end
if counts_for and counts_for ~= route.own_host then
  -- The lease has a connection of the host that its file will come from, and keeps it on the way there, which leads
  -- from one tracker to the next.
  free_connection('hops', key)
  connect('hops', key, host, limits)
else
  free_connection('connected', key)
  connect('connected', key, host, limits)
end
rest_for_delay(host, now, limits)
return 1
