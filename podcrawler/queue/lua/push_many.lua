-- nil -> pending: queues entries that have no state yet; the state is the duplicate filter. Replaces older requests.
-- Keys: Q entries, routes, pending:<host>, failed, tries, expiries, ended, open, order, and those of hosts.lua; A
--   finished:<group>, removed:<group>, left-out:<group>, visit:<group>, told, media-hosts
-- ARGV: token of the lease on the list page or seed that the entries come from, or empty; how many entries were pushed
--   under that lease before; then for each entry nine values: kind, key, group, name, host, priority, fresh ('1': a new
--   visit; '2': another version of an episode that may be finished), version (of what is requested, as far as that is
--   stable; empty: the request itself), request
-- Returns the numbers of entries: added, changed, known, failed, finished or not wanted any more.
local ADDED, CHANGED, KNOWN, FAILED, FINISHED = 1, 2, 3, 4, 5

local function replace(key, route, state, host, version, request)
  redis.call('HSET', Q .. 'entries', key, request)
  if state == 'pending' then from_pending(key, route) end
  route.own_host, route.version = host, version
  route.host = media_host(route) or host
  set_route(key, route)
  if state == 'pending' then to_pending(key, route) end
end

local function next_order()
  local order = redis.pcall('INCR', Q .. 'order')
  if type(order) == 'number' then return order end
  redis.call('SET', Q .. 'order', redis.call('HLEN', Q .. 'entries') + 1)
  return redis.call('HLEN', Q .. 'entries') + 1
end

local has_left_out = {}

local function not_left_out(group, name)
  local left_out = A .. 'left-out:' .. group
  if has_left_out[group] == nil then has_left_out[group] = redis.call('EXISTS', left_out) == 1 end
  if has_left_out[group] then redis.call('HDEL', left_out, name) end
end

local function push(kind, key, group, name, host, priority, fresh, is_version, version, request)
  local state = state_of(key)
  if state == nil then
    local route = {kind = kind, group = group, name = name, own_host = host, version = version}
    route.host = media_host(route) or host
    if fresh then
      redis.call('DEL', record_key(route))
    elseif not is_version and redis.call('HEXISTS', record_key(route), name) == 1 then
      return FINISHED
    end
    if is_removed(route) then return FINISHED end
    local order = next_order()
    route.score = string.format('%.0f', order - priority * PRIORITY_STEP)
    redis.call('HSET', Q .. 'entries', key, request)
    set_route(key, route)
    to_pending(key, route)
    count_open(group, 1)
    return ADDED
  end

  local route = any_route(key)
  local replaced = redis.call('HGET', Q .. 'entries', key) ~= request
  local changed = replaced
  -- An entry of an earlier release has no version: it is taken for unchanged.
  if version ~= '' then changed = route.version ~= nil and route.version ~= version end
  -- The lease has a copy of its own; the next one gets this request.
  if replaced then replace(key, route, state, host, version, request) end
  if state == 'failed' then
    if not (changed or fresh) then return FAILED end
    if fresh then redis.call('DEL', record_key(route)) end
    from_failed(key, route)
    return ADDED
  end
  return changed and state ~= 'leased' and CHANGED or KNOWN
end

local counts = {0, 0, 0, 0, 0}
for i = 3, #ARGV, 9 do
  if ARGV[i] == 'episode' then not_left_out(ARGV[i + 2], ARGV[i + 3]) end
  local outcome = push(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4],
    tonumber(ARGV[i + 5]), ARGV[i + 6] == '1', ARGV[i + 6] == '2', ARGV[i + 7], ARGV[i + 8])
  counts[outcome] = counts[outcome] + 1
end
note_pushed(ARGV[1], tonumber(ARGV[2]), (#ARGV - 2) / 9)
return counts
