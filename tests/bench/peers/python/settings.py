"""What every client shares, and the function's own variables."""

import os

from botocore.config import Config

# Region, credentials and endpoint come from the environment.
SDK = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


def required(name):
    value = os.environ.get(name)
    if not value:
        raise ValueError(f"{name} is not set")
    return value
