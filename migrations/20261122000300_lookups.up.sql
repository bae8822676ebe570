-- What is looked up often, and had to be looked for in the whole table.

-- A key that a report of spending names by how it begins. A key that LiteLLM has not made yet begins with nothing.
CREATE INDEX api_keys_prefix_idx ON api_keys (prefix) WHERE prefix <> '';
-- Requests, newest first, for those who see them all; and those that wait, which are few among all that there ever were.
CREATE INDEX access_requests_newest_idx ON access_requests (created_at DESC, id DESC);
CREATE INDEX access_requests_pending_newest_idx ON access_requests (created_at DESC, id DESC) WHERE state = 'pending';
