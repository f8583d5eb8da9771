"""What the desk calls the health of subscribers and the states of pushes."""

from ordercast.services.gateway.desk.language import english

HEALTH = {
    "healthy": english("healthy"),
    "failing": english("failing"),
    "recovering": english("recovering"),
    "open breaker": english("breaker open"),
    "disabled": english("paused or disabled"),
}

DELIVERIES = {
    "pending": english("to be sent"),
    "delivered": english("delivered"),
    "rejected": english("rejected"),
    "gone": english("receiver gone"),
    "gave-up": english("given up"),
    "superseded": english("superseded"),
    "withdrawn": english("withdrawn"),
}

REPLAYS = {
    "running": english("running"),
    "paused": english("paused"),
    "done": english("done"),
    "cancelled": english("cancelled"),
}
