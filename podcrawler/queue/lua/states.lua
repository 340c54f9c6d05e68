-- The states of an entry and the moves between them. Stands in front of every other script here.
--
-- An entry is in exactly one state: pending, leased, delayed, failed or finished.
-- Keys; Q is KEYS[1], the prefix of the queue, and A is KEYS[2], the prefix of the archive:
--   Q entries         hash    key -> the request, JSON that no script ever opens
--   Q routes          hash    key -> JSON [kind, group, name, host, score]
--   Q pending:<host>  zset    key by score: what comes first is leased first
--   Q hosts           zset    host -> ms when it was last served; the hosts that have pending entries
--   Q leases          zset    key -> ms when the lease ends
--   Q owners          hash    key -> token of the lease
--   Q tokens          hash    token of a lease -> key
--   Q delayed         zset    key -> ms when it is due
--   Q tries           hash    key -> how many leases ended in an error
--   Q expiries        hash    key -> how many leases ran out
--   Q deliveries      hash    key -> how many leases there were
--   Q ended           hash    key -> token of the last lease that ended in an error
--   Q failed          hash    key -> JSON {kind, class, reason, tries, at}
--   Q open            hash    group -> how many of its entries are pending, leased or delayed
--   Q order           string  the number of entries ever pushed
--   A finished:<group>  hash  of episodes: name -> bytes
--   A visit:<group>     hash  of list pages: name -> JSON of what the page told; expires
--   A told            hash    token of the lease on a page or seed -> how many of its entries were pushed
--   A events          stream  the ends of entries, for those who watch
local Q, A = KEYS[1], KEYS[2]
local PRIORITY_STEP = 2 ^ 40
local EVENTS = 10000

-- The time in ms: the one given (tests turn the clock), else Redis's own.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function route_of(key)
  local found = redis.call('HGET', Q .. 'routes', key)
  if not found then return nil end
  local kind, group, name, host, score = unpack(cjson.decode(found))
  return {kind = kind, group = group, name = name, host = host, score = score}
end

local function set_route(key, route)
  redis.call('HSET', Q .. 'routes', key,
    cjson.encode({route.kind, route.group, route.name, route.host, route.score}))
end

local function record_key(route)
  return A .. (route.kind == 'page' and 'visit:' or 'finished:') .. route.group
end

local function state_of(key)
  if redis.call('HEXISTS', Q .. 'failed', key) == 1 then return 'failed' end
  if redis.call('ZSCORE', Q .. 'leases', key) then return 'leased' end
  if redis.call('ZSCORE', Q .. 'delayed', key) then return 'delayed' end
  if redis.call('HEXISTS', Q .. 'entries', key) == 1 then return 'pending' end
  return nil
end

local function to_pending(key, route)
  redis.call('ZADD', Q .. 'pending:' .. route.host, route.score, key)
  redis.call('ZADD', Q .. 'hosts', 'NX', 0, route.host)
end

local function from_pending(key, route)
  local pending = Q .. 'pending:' .. route.host
  redis.call('ZREM', pending, key)
  if redis.call('EXISTS', pending) == 0 then redis.call('ZREM', Q .. 'hosts', route.host) end
end

local function count_open(group, change)
  if redis.call('HINCRBY', Q .. 'open', group, change) <= 0 then
    redis.call('HDEL', Q .. 'open', group)
  end
end

-- A page is not done before Redis has all that it told. A Redis that was restarted may have forgotten what it had
-- acknowledged: then it has forgotten this count, too, and takes no later one in its place.
local function note_told(token, before, more)
  local told = tonumber(redis.call('HGET', A .. 'told', token) or 0)
  if token ~= '' and told >= before and told < before + more then
    redis.call('HSET', A .. 'told', token, before + more)
  end
end

local function has_told(token, all)
  return tonumber(redis.call('HGET', A .. 'told', token) or 0) >= all
end

local function end_lease(key)
  local token = redis.call('HGET', Q .. 'owners', key) or ''
  redis.call('ZREM', Q .. 'leases', key)
  redis.call('HDEL', Q .. 'tokens', token)
  redis.call('HDEL', A .. 'told', token)
  redis.call('HDEL', Q .. 'owners', key)
end

local function owns(key, token)
  return redis.call('HGET', Q .. 'owners', key) == token
end

local function forget(key)
  for _, hash in ipairs({'entries', 'routes', 'tries', 'expiries', 'deliveries', 'ended'}) do
    redis.call('HDEL', Q .. hash, key)
  end
end

local function tell(state, key, group, ...)
  redis.call('XADD', A .. 'events', 'MAXLEN', '~', EVENTS, '*', 'state', state, 'key', key, 'group', group, ...)
end

-- leased -> failed
local function to_failed(now, key, route, kind, class, reason)
  local tries = tonumber(redis.call('HGET', Q .. 'tries', key) or 0)
  end_lease(key)
  redis.call('HSET', Q .. 'failed', key,
    cjson.encode({kind = kind, class = class, reason = reason, tries = tries, at = now}))
  count_open(route.group, -1)
  tell('failed', key, route.group, 'kind', kind, 'reason', reason)
end

-- failed -> pending
local function from_failed(key, route)
  for _, hash in ipairs({'failed', 'tries', 'expiries', 'ended'}) do
    redis.call('HDEL', Q .. hash, key)
  end
  to_pending(key, route)
  count_open(route.group, 1)
end
