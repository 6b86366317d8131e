//! What waits for an agent: news in full, market data condensed.
