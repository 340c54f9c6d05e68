-- Counts a lease, whose file has come, for the host of something that belongs beside that file, and for no other.
-- Keys: Q owners, tokens, connected, hops, connections, full, resting, pending:<host>, hosts, routes; A media-hosts
-- ARGV: now, key, token, host, host that the file came from (empty: it has not come under this lease), most connections of
--   a host, JSON of single hosts
-- Returns 1; or 0 if the host has all of its connections or rests: then the lease counts for none; or -1 if the lease is
--   lost.
local now, key, token, host, came_from = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local limits = read_limits(ARGV[6], ARGV[7])
if not owns(key, token) then return -1 end

if came_from ~= '' then note_media_host(any_route(key), came_from) end
if redis.call('HGET', Q .. 'hops', key) == host then
  free_connection('connected', key)
  return 1
end
-- The connection that the lease was granted with, if nothing has come by it.
local is_unused = came_from == '' and redis.call('HGET', Q .. 'connected', key) == host
disconnect(key)
if is_unused then
  connect('hops', key, host, limits)
  return 1
end
if has_all_connections(host, limits) or redis.call('ZSCORE', Q .. 'resting', host) then return 0 end
-- Not among `connected`, whose host the file came from, for all that finish.lua knows.
connect('hops', key, host, limits)
rest_for_delay(host, now, limits)
return 1
