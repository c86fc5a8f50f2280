"""Events between services: the outbox and its relay, the consumer and its inbox, parked keys and dead letters."""
