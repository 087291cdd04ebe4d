-- What is held is counted every few seconds, and is few rows among many.
CREATE INDEX queue_held ON queue (expires_at) WHERE held IS NOT NULL;
