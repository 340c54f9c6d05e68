-- nil -> leased: gives nodes back their leases on episodes that Redis has forgotten.
-- Keys: Q entries, routes, leases, owners, tokens, deliveries, delayed, failed, open, and those of hosts.lua; A
--   finished:<group>, removed:<group>
-- ARGV: now, lease time in ms, most connections of a host, JSON of single hosts, then for each lease seven values: key,
--   token, group, name, host, host of its address, request
-- Returns the tokens of these leases; the others are lost: their entries have a state.
local expiry, limits = clock(ARGV[1]) + tonumber(ARGV[2]), read_limits(ARGV[3], ARGV[4])
local restored = {}
for i = 5, #ARGV, 7 do
  local key, token = ARGV[i], ARGV[i + 1]
  local route = {kind = 'episode', group = ARGV[i + 2], name = ARGV[i + 3], host = ARGV[i + 4], own_host = ARGV[i + 5],
    score = '0'}
  if state_of(key) == nil and redis.call('HEXISTS', record_key(route), route.name) == 0 and not is_removed(route) then
    redis.call('HSET', Q .. 'entries', key, ARGV[i + 6])
    set_route(key, route)
    count_open(route.group, 1)
    redis.call('ZADD', Q .. 'leases', expiry, key)
    redis.call('HSET', Q .. 'owners', key, token)
    redis.call('HSET', Q .. 'tokens', token, key)
    -- A part of its file may be on a disk.
    redis.call('HSET', Q .. 'deliveries', key, 1)
    connect('connected', key, route.host, limits)
    restored[#restored + 1] = token
  end
end
return restored
