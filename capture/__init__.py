"""Record a desktop through VideoDB and append every event to a JSONL journal."""
