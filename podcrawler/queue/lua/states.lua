-- The states of an entry and the moves between them. Every other script here is run with hosts.lua and this text in
-- front of it.
--
-- An entry is in exactly one state: pending, leased, delayed, failed or finished.
-- Keys, besides those of hosts.lua:
--   Q entries         hash    key -> the request, as JSON that no script reads
--   Q routes          hash    key -> JSON [kind, group, name, host, score, version, host of its address if that is
--                             another]; entries of pages have no version
--   Q pending:<host>  zset    key -> score; the lowest is leased first
--   Q leases          zset    key -> ms when the lease expires
--   Q owners          hash    key -> token of the lease
--   Q tokens          hash    token of a lease -> key
--   Q delayed         zset    key -> ms when it is due
--   Q aside           zset    pending entry that no node is to find for now -> ms when it is due, 0: at once
--   Q tries           hash    key -> how many leases ended in an error
--   Q expiries        hash    key -> how many leases expired
--   Q deliveries      hash    key -> how many leases there were
--   Q ended           hash    key -> token of the last lease that ended in an error
--   Q failed          hash    key -> JSON {kind, class, reason, tries, at}
--   Q open            hash    group -> how many of its entries are pending, leased or delayed
--   Q order           string  the number of entries ever pushed
--   A finished:<group>  hash  of episodes: name -> bytes, and after a blank the id of the store that has the file, if
--                             that is known; after another blank the version of the file, if it is not the first
--   A removed:<group>  hash   of episodes that are not wanted any more: name -> ms when that was said
--   A visit:<group>     hash  of list pages: name -> JSON of what was found; expires
--   A media-hosts     hash    <podcast>/<host of an address> -> host that the last file came from whose address was
--                             there, if that is another
--   A told            hash    token of the lease on a list page or seed -> how many entries were pushed under it
--   A events          stream  the ends of leases, for supervisors
--   A watches         hash    see note_loss
local PRIORITY_STEP = 2 ^ 40
local EVENTS = 10000

-- The time in ms: the given one (tests set it), else Redis's own.
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Whether an entry with this key can have this route.
local function belongs(key, kind, group, name)
  if kind == 'episode' then return key == group .. '/' .. name end
  return (kind == 'page' or kind == 'seed') and key == name
end

-- nil if there is none, or none that can be read.
local function route_of(key)
  local found = redis.call('HGET', Q .. 'routes', key)
  local fields = found and json(found)
  if not fields then return nil end
  local kind, group, name, host, score = fields[1], fields[2], fields[3], fields[4], fields[5]
  local number = tonumber(score)
  if not (is_text(group) and is_text(name) and is_text(host) and belongs(key, kind, group, name)) or not number
    or number ~= number then
    return nil
  end
  local version, own_host = fields[6], fields[7]
  if not is_text(version) or version == '' then version = nil end
  if not is_text(own_host) then own_host = host end
  return {kind = kind, group = group, name = name, host = host, score = score, version = version, own_host = own_host}
end

-- The route of an entry; as far as the key and the request tell, if none can be read.
local function any_route(key)
  local route = route_of(key)
  if route then return route end
  local group, name = key:match('^([a-z0-9-]+)/([A-Za-z0-9_-]+)$')
  local kind = group and 'episode' or key:sub(1, 5) == 'seed:' and 'seed' or 'page'
  if kind == 'seed' then group = 'seeds' end
  if kind == 'page' then
    local meta = (json(redis.call('HGET', Q .. 'entries', key)) or {}).meta
    local root = type(meta) == 'table' and meta.root
    group = is_text(root) and root or key
  end
  return {kind = kind, group = group, name = name or key, host = '', own_host = '', score = '0'}
end

local function set_route(key, route)
  local fields = {route.kind, route.group, route.name, route.host, route.score, route.version or ''}
  if route.own_host ~= route.host then
    fields[7] = route.own_host
  elseif fields[6] == '' then
    fields[6] = nil
  end
  redis.call('HSET', Q .. 'routes', key, cjson.encode(fields))
end

-- The host that the last file of the podcast came from whose address has the same host, if that is known.
local function media_host(route)
  local host = route.kind == 'episode' and redis.call('HGET', A .. 'media-hosts', route.group .. '/' .. route.own_host)
  return is_text(host) and host
end

-- Called when a file was received, with the host that it came from, if that is known.
local function note_media_host(route, host)
  if route.kind ~= 'episode' or not host or host == '' then return end
  local field = route.group .. '/' .. route.own_host
  if host == route.own_host then
    redis.call('HDEL', A .. 'media-hosts', field)
  else
    redis.call('HSET', A .. 'media-hosts', field, host)
  end
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
  offer(route.host, 0)
end

local function from_pending(key, route)
  local pending = Q .. 'pending:' .. route.host
  redis.call('ZREM', pending, key)
  if redis.call('EXISTS', pending) == 0 then redis.call('ZREM', Q .. 'hosts', route.host) end
end

local function count_open(group, change)
  if add_to(Q .. 'open', group, change) <= 0 then
    redis.call('HDEL', Q .. 'open', group)
  end
end

-- A list page must not be finished before Redis has all of its entries. A restarted Redis may have lost the last pushes
-- that it had acknowledged, and this count with them: the count then stays too low, because pushes after the gap are not
-- added to it, and finish.lua makes the page pending again.
local function note_pushed(token, before, count)
  local pushed = number_in(A .. 'told', token)
  if token ~= '' and pushed >= before and pushed < before + count then
    redis.call('HSET', A .. 'told', token, before + count)
  end
end

local function has_pushed(token, count)
  return number_in(A .. 'told', token) >= count
end

local function end_lease(key)
  local token = redis.call('HGET', Q .. 'owners', key) or ''
  redis.call('ZREM', Q .. 'leases', key)
  redis.call('HDEL', Q .. 'tokens', token)
  redis.call('HDEL', A .. 'told', token)
  redis.call('HDEL', Q .. 'owners', key)
  disconnect(key)
end

local function owns(key, token)
  return redis.call('HGET', Q .. 'owners', key) == token
end

local function remove(key)
  for _, hash in ipairs({'entries', 'routes', 'tries', 'expiries', 'deliveries', 'ended'}) do
    redis.call('HDEL', Q .. hash, key)
  end
end

-- Whether the user has said that the episode is not wanted any more.
local function is_removed(route)
  return route.kind == 'episode' and redis.call('HEXISTS', A .. 'removed:' .. route.group, route.name) == 1
end

-- any state but leased -> nil
local function take_out(key, state)
  local route = any_route(key)
  if state == 'pending' then from_pending(key, route) end
  redis.call('ZREM', Q .. 'delayed', key)
  if redis.call('HDEL', Q .. 'failed', key) == 0 then count_open(route.group, -1) end
  remove(key)
end

local function add_event(state, key, group, ...)
  redis.call('XADD', A .. 'events', 'MAXLEN', '~', EVENTS, '*', 'state', state, 'key', key, 'group', group, ...)
end

-- leased -> failed
local function to_failed(now, key, route, kind, class, reason)
  local tries = number_in(Q .. 'tries', key)
  end_lease(key)
  redis.call('HSET', Q .. 'failed', key,
    cjson.encode({kind = kind, class = class, reason = reason, tries = tries, at = now}))
  count_open(route.group, -1)
  add_event('failed', key, route.group, 'kind', kind, 'reason', reason)
end

-- failed -> pending
local function from_failed(key, route)
  for _, hash in ipairs({'failed', 'tries', 'expiries', 'ended'}) do
    redis.call('HDEL', Q .. hash, key)
  end
  to_pending(key, route)
  count_open(route.group, 1)
end

-- Called when Redis has not all that it was told: some of its keys were deleted. Those who watch for that find their
-- number gone.
local function note_loss()
  redis.call('DEL', A .. 'watches')
end

local UNREADABLE = 'What Redis has of this entry cannot be read: something else has written there. Queue it again to have it '
  .. 'read anew as far as possible.'

-- Ends what cannot be worked on: it fails, or, if nothing but its name is left, it goes.
local function fail_unreadable(key)
  local route = any_route(key)
  redis.call('ZREM', Q .. 'delayed', key)
  if redis.call('HEXISTS', Q .. 'entries', key) == 1 then
    if redis.call('HEXISTS', Q .. 'routes', key) == 0 then note_loss() end
    set_route(key, route)
    to_failed(clock(''), key, route, 'unreadable', 'permanent', UNREADABLE)
    return
  end
  end_lease(key)
  if redis.call('HDEL', Q .. 'failed', key) == 0 then count_open(route.group, -1) end
  remove(key)
  add_event('failed', key, route.group, 'kind', 'unreadable', 'reason', UNREADABLE)
  note_loss()
end

-- Makes an entry pending that is neither leased nor delayed any more. False if it fails instead.
local function back_to_pending(key)
  local state = state_of(key)
  if state and state ~= 'pending' then return true end
  local route = route_of(key)
  if state and route then
    to_pending(key, route)
    return true
  end
  fail_unreadable(key)
  return false
end
