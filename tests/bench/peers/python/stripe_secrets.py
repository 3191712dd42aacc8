"""The two parameters under a prefix: read at init, kept five minutes, read again when one may have been rotated."""

import re
import time
from typing import NamedTuple

import boto3

from settings import SDK

KEPT = 300
PATIENCE = 20


class Secrets(NamedTuple):
    webhook: list[str]
    api_key: str | None


class SecretStore:
    def __init__(self, prefix):
        self._client = boto3.client("ssm", config=SDK)
        self._webhook_name = f"{prefix}/stripe-webhook-secrets"
        self._api_key_name = f"{prefix}/stripe-api-key"
        self._secrets = None
        self._read_at = self._tried_at = 0.0

    def current(self):
        return self._newer_than(KEPT)

    def renewed(self):
        return self._newer_than(PATIENCE)

    def _newer_than(self, age):
        now = time.monotonic()
        if self._secrets is not None and (now - self._read_at < age or now - self._tried_at < PATIENCE):
            return self._secrets
        self._tried_at = now
        try:
            self._secrets = self._read()
            self._read_at = now
        except Exception:
            # Secrets change rarely: those we have serve while the store is away.
            if self._secrets is None:
                raise
        return self._secrets

    def _read(self):
        names = [self._webhook_name, self._api_key_name]
        got = self._client.get_parameters(Names=names, WithDecryption=True)
        values = {parameter["Name"]: parameter["Value"] for parameter in got["Parameters"]}
        webhook = re.split(r"[ ,\n\r\t]+", values.get(self._webhook_name, ""))
        api_key = values.get(self._api_key_name, "").strip() or None
        return Secrets([secret for secret in webhook if secret], api_key)
