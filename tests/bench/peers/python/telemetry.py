"""Logs as JSON lines and metrics in CloudWatch's embedded format, both on standard output."""

import json
import time
from datetime import datetime, timezone


def log(level, message, **fields):
    line = {"timestamp": datetime.now(timezone.utc).isoformat(), "level": level, "message": message, **fields}
    print(json.dumps(line), flush=True)


def count(service, name, value):
    line = {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": "Comptoir", "Dimensions": [["service"]], "Metrics": [{"Name": name, "Unit": "Count"}]}
            ],
        },
        "service": service,
        name: value,
    }
    print(json.dumps(line), flush=True)
