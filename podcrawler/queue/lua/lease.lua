-- Grants leases: first makes due delayed entries and expired leases pending, then leases pending entries, then seeds.
-- Keys: all of Q; A only, paused, told, events, watches; KEYS[3], the seeds: a list, a set or a sorted set; then, for each
--   other queue that entries of this one come from, its prefix and its seeds
-- ARGV: now, lease time in ms, most expiries, most connections of a host, JSON of single hosts, number of leases that
--   need no connection any more, token of each with the host that its file came from (empty: none came), then one token
--   for each lease that is wanted; a token that has a lease gets the same one again, because a node repeats a call whose
--   answer did not arrive
-- Returns {number of entries of all these queues that are pending, leased or delayed, seeds included; ms until a delayed
--   entry of this queue is due, a lease expires or a host has rested, or -1; the leases, each as {key, token, kind, group,
--   name, tries, request, number of leases so far, host, host of its address}; the keys of entries that failed because
--   their leases expired too often; how many hosts have all of their connections; the keys of entries that failed because
--   they cannot be read}.
local now, lease_time, most_expiries = clock(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local limits, done_count = read_limits(ARGV[4], ARGV[5]), tonumber(ARGV[6])
local seeds = KEYS[3]
local BATCH, FEW = 200, 20
-- What all tokens of a node begin with; empty if it wants no lease.
local mark = (ARGV[7 + 2 * done_count] or ''):sub(1, MARK_LENGTH)
-- A lease that expires later than so many lease times from now was not granted by this clock.
local MOST_LEASE_TIMES = 10

-- How to take a seed from each type of key that scrapy-redis supports, and how to count them.
local TAKE = {
  none = function() return nil end,
  list = function() return redis.call('RPOP', seeds) end,
  set = function() return redis.call('SPOP', seeds) end,
  zset = function() return redis.call('ZPOPMAX', seeds)[1] end,
}
local COUNT = {list = 'LLEN', set = 'SCARD', zset = 'ZCARD'}

local function type_of(key)
  return redis.call('TYPE', key).ok
end

local function count_seeds(key)
  local count = COUNT[type_of(key)]
  return count and redis.call(count, key) or 0
end

local queues = {{prefix = Q, seeds = seeds}}
for i = 4, #KEYS, 2 do
  queues[#queues + 1] = {prefix = KEYS[i], seeds = KEYS[i + 1]}
end
for _, queue in ipairs(queues) do
  if not TAKE[type_of(queue.seeds)] then
    return redis.error_reply('WRONGTYPE ' .. queue.seeds .. ' must be a list, a set or a sorted set of addresses')
  end
end

for i = 7, 6 + 2 * done_count, 2 do
  local key = redis.call('HGET', Q .. 'tokens', ARGV[i])
  if key then
    local route = route_of(key)
    if ARGV[i + 1] ~= '' and route then note_media_host(route, ARGV[i + 1]) end
    disconnect(key)
  end
end
forget_lost_connections()
wake(now, BATCH)
forget_wants(now)

local abandoned, unreadable = {}, {}

local function make_pending(key)
  if not back_to_pending(key) then unreadable[#unreadable + 1] = key end
end

for _, key in ipairs(due('delayed', now, MOST_WAIT, BATCH)) do
  redis.call('ZREM', Q .. 'delayed', key)
  make_pending(key)
end

-- The clock of Redis was set back.
local latest = now + MOST_LEASE_TIMES * lease_time
for _, key in ipairs(redis.call('ZRANGEBYSCORE', Q .. 'leases', latest, '+inf', 'LIMIT', 0, BATCH)) do
  redis.call('ZADD', Q .. 'leases', now + lease_time, key)
end
for _, key in ipairs(redis.call('ZRANGEBYSCORE', Q .. 'leases', '-inf', now, 'LIMIT', 0, BATCH)) do
  local route = route_of(key)
  if route and state_of(key) == 'leased' and add_to(Q .. 'expiries', key, 1) > most_expiries then
    to_failed(now, key, route, 'abandoned', 'permanent', most_expiries + 1 .. ' leases on it expired, because their nodes '
      .. 'died; it may be what kills them: look at their logs, then queue it again.')
    abandoned[#abandoned + 1] = key
  else
    end_lease(key)
    make_pending(key)
  end
end

local some_rest = redis.call('EXISTS', Q .. 'resting') == 1
local knows_media_hosts = redis.call('EXISTS', A .. 'media-hosts') == 1
-- Hosts that are passed over, and entries that are filed under another host, in this call.
local steps = BATCH

-- The first entry of the host whose turn it is, and its route; neither, if its host is another one by now.
local function take_first(host)
  local pending = Q .. 'pending:' .. host
  local key = redis.call('ZPOPMIN', pending)[1]
  if redis.call('EXISTS', pending) == 1 then
    redis.call('ZADD', Q .. 'hosts', now, host)
  else
    redis.call('ZREM', Q .. 'hosts', host)
  end
  if not key or (state_of(key) or 'pending') ~= 'pending' then return nil end
  local route = route_of(key)
  if not route or redis.call('HEXISTS', Q .. 'entries', key) == 0 then
    fail_unreadable(key)
    unreadable[#unreadable + 1] = key
    return nil
  end
  local known = knows_media_hosts and host == route.own_host and media_host(route)
  if not known or known == host then return key, route end
  route.host = known
  set_route(key, route)
  to_pending(key, route)
end

-- The hosts that this node has its share of, with the ms when they were last leased.
local passed_over = {}

local function take_pending()
  while steps > 0 do
    local first = redis.call('ZRANGE', Q .. 'hosts', 0, 0, 'WITHSCORES')
    local host = first[1]
    if not host then return nil end
    if has_all_connections(host, limits) then
      mark_full(host)
    elseif has_its_share(mark, host, limits) then
      passed_over[host] = first[2]
      redis.call('ZREM', Q .. 'hosts', host)
    elseif some_rest and redis.call('ZSCORE', Q .. 'resting', host) then
      -- A node of an earlier release has put it here.
      redis.call('ZREM', Q .. 'hosts', host)
    else
      local key, route = take_first(host)
      if key then return key, route end
    end
    steps = steps - 1
  end
end

local function take_seed()
  local seed = TAKE[type_of(seeds)]()
  if not seed then return nil end
  local key = 'seed:' .. redis.sha1hex(seed)
  local state = state_of(key)
  if state and state ~= 'failed' then return take_seed() end
  for _, hash in ipairs({'failed', 'tries', 'expiries', 'ended'}) do
    redis.call('HDEL', Q .. hash, key)
  end
  redis.call('HSET', Q .. 'entries', key, seed)
  local route = {kind = 'seed', group = 'seeds', name = key, host = '', own_host = '', score = '0'}
  set_route(key, route)
  count_open('seeds', 1)
  return key, route
end

local function take()
  local key, route = take_pending()
  if key then return key, route end
  return take_seed()
end

-- Pending entries that no host leads to are found where nothing else is left to lease or to wait for.
local function find_lost()
  -- What is set aside is not lost, as long as somebody wants it so.
  if redis.call('EXISTS', A .. 'only') == 1 then return end
  if redis.call('ZCARD', Q .. 'leases') == 0 then
    -- Nothing is leased, so nothing has an owner or a connection.
    for _, hash in ipairs({'owners', 'tokens', 'connected', 'hops', 'connections'}) do
      redis.call('DEL', Q .. hash)
    end
  end
  local waiting = 0
  for _, zset in ipairs({'hosts', 'full', 'resting', 'leases', 'delayed'}) do
    waiting = waiting + redis.call('ZCARD', Q .. zset)
  end
  local open = redis.call('HLEN', Q .. 'entries') - redis.call('HLEN', Q .. 'failed')
  if waiting > 0 or open == 0 then
    -- Nothing is open: if these counts say otherwise, they are wrong, or what they have counted is gone.
    if open == 0 and redis.call('DEL', Q .. 'open') == 1 then note_loss() end
    return
  end
  local found = 0
  for _, key in ipairs(redis.call('HKEYS', Q .. 'entries')) do
    if state_of(key) == 'pending' then
      make_pending(key)
      found = found + 1
    end
    if found == BATCH then return end
  end
end

local leases, wanted = {}, #ARGV - 6 - 2 * done_count
if redis.call('EXISTS', A .. 'paused') == 0 then
  for i = 7 + 2 * done_count, #ARGV do
    local token, route = ARGV[i], nil
    local key = redis.call('HGET', Q .. 'tokens', token)
    if key and owns(key, token) and state_of(key) == 'leased' then
      route = any_route(key)
    else
      key, route = take()
      if not key then break end
      add_to(Q .. 'deliveries', key, 1)
      connect('connected', key, route.host, limits)
      note_connection_here(route.host)
      rest_for_delay(route.host, now, limits)
    end
    redis.call('ZADD', Q .. 'leases', now + lease_time, key)
    redis.call('HSET', Q .. 'owners', key, token)
    redis.call('HSET', Q .. 'tokens', token, key)
    leases[#leases + 1] = {key, token, route.kind, route.group, route.name,
      number_in(Q .. 'tries', key), redis.call('HGET', Q .. 'entries', key), number_in(Q .. 'deliveries', key),
      route.host, route.own_host}
  end
  for host, last_leased in pairs(passed_over) do
    offer(host, last_leased)
  end
  note_wants(mark, now, #leases < wanted and next(passed_over) == nil)
  if #leases < wanted then
    find_lost()
    offer_again(limits, FEW)
  end
end

local next_due = -1
for _, zset in ipairs({'delayed', 'leases', 'resting'}) do
  local first = redis.call('ZRANGE', Q .. zset, 0, 0, 'WITHSCORES')
  if first[2] then
    local wait = math.min(MOST_WAIT, math.max(0, math.ceil(tonumber(first[2]) - now)))
    if next_due < 0 or wait < next_due then next_due = wait end
  end
end
local open = 0
for _, queue in ipairs(queues) do
  open = open + redis.call('HLEN', queue.prefix .. 'entries') - redis.call('HLEN', queue.prefix .. 'failed')
    + count_seeds(queue.seeds)
end
return {open, next_due, leases, abandoned, redis.call('ZCARD', Q .. 'full'), unreadable}
