DROP TABLE api_keys;
DROP FUNCTION notify_keys, notify_key;
