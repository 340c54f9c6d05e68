-- leased -> finished: records the entry and ends its lease.
-- Keys: Q entries, routes, leases, owners, tokens, tries, expiries, deliveries, ended, open, connected,
--   hops; A told, finished:<group>, removed:<group>, visit:<group>, podcasts, visited, addresses, media-hosts, events
-- ARGV: key, token, value of the event (bytes of an episode, JSON of a page), path of a file that was downloaded, value to
--   record, number of entries that were pushed under this lease, seconds that a visit is kept, then for a list page:
--   podcast id, podcast JSON, JSON {id, title, published} of the newest episode that it lists (null: none has a date), the
--   addresses that lead to the podcast
-- An episode that Redis has forgotten is recorded all the same: it was leased, and its file is there.
-- Returns 1; or 0 if the lease is lost and the entry is not finished; or 0 if Redis has lost entries that were pushed
--   under this lease: then the entry is pending again.

-- Dates are of one form, in UTC, so that the later one is the greater text.
local function note_visit(podcast, newest)
  local before = (json(redis.call('HGET', A .. 'visited', podcast)) or {}).newest
  local published = type(before) == 'table' and before.published
  if is_text(published) and (not newest or newest.published < published) then newest = before end
  redis.call('HSET', A .. 'visited', podcast, cjson.encode({at = clock(''), newest = newest}))
end

local key, token, value, path = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local recorded, pushed_count, visit_ttl = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
if not owns(key, token) then
  redis.call('HDEL', A .. 'told', token)
  if redis.call('HEXISTS', Q .. 'entries', key) == 1 then return 0 end
  -- No entry: it is finished, by an earlier call with this lease whose answer did not arrive, or by a later lease; or it
  -- was forgotten, by Redis or by the user.
  local route = any_route(key)
  if route.kind == 'episode' and not is_removed(route)
    and redis.call('HSETNX', record_key(route), route.name, recorded) == 1 then
    add_event('finished', key, route.group, 'value', value, 'path', path)
  end
  return 1
end
local route = any_route(key)

if not has_pushed(token, pushed_count) then
  end_lease(key)
  back_to_pending(key)
  return 0
end

if route.kind ~= 'seed' then
  local record = record_key(route)
  redis.call('HSET', record, route.name, recorded)
  if route.kind == 'page' then redis.call('EXPIRE', record, visit_ttl) end
end
if ARGV[8] then
  redis.call('HSET', A .. 'podcasts', ARGV[8], ARGV[9])
  note_visit(ARGV[8], json(ARGV[10]))
  for i = 11, #ARGV do
    redis.call('HSETNX', A .. 'addresses', ARGV[i], ARGV[8])
  end
end
-- After a turn to another host (turn.lua) it is known already.
local is_from_there = path ~= '' and redis.call('HEXISTS', Q .. 'connected', key) == 1
if is_from_there then note_media_host(route, counted_for(key)) end
end_lease(key)
remove(key)
count_open(route.group, -1)
add_event('finished', key, route.group, 'value', value, 'path', path)
return 1
