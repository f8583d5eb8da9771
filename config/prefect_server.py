"""What is agreed with a Prefect server: names, settings for many orders, and for several servers.

`ordercast up` starts its server with the first; give the same to your own. deploy/README.md
says what each is for.
"""

WORK_POOL = "ordercast"
DEPLOYMENT = "order/order"

SUSPENDED, PARKED = "Suspended", "Paused"
"""The names of a suspended run's states: it waits for work, or for somebody who is away.

Prefect's UI can filter by no other names of its type PAUSED."""

SERVER_SETTINGS = {
    # Prefect keeps 5 connections to PostgreSQL: under load it opened others all the time, and
    # asyncpg asks for the types of the database on each
    "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": "15",
    # task runs and events are written in batches, not one by one
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "50",
    # suspended orders have no timeout: reading all of them every 5 s is for nothing
    "PREFECT_SERVER_SERVICES_PAUSE_EXPIRATIONS_LOOP_SECONDS": "300",
    # a queue is not late: one transition less for every run that waits for a slot
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "30",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "600",
    # runs of schedules are planned a few minutes ahead, not an hour: of the sweep that is 5, not 60
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT5M",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
}

SHARING_SETTINGS = {
    # several API servers: what one keeps in its memory lies in Redis, for all of them
    "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
    "PREFECT_SERVER_WORKER_CHANNEL_CLEANUP_QUEUE_STORAGE": "prefect_redis.cleanup_queue",
    # one upgrades the database before they start, not all of them at once when they do
    "PREFECT_SERVER_DATABASE_MIGRATE_ON_START": "false",
}
