"""Profiles on DynamoDB: profile, guards, history and what is told of it in one transaction."""

import hashlib
import json
import time
from typing import Any, NamedTuple

import boto3

from settings import SDK

CONFLICT_PAUSES = (0.020, 0.060, 0.150, 0.300, 0.600, 1.000)
PASSING = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
RESERVED_SECONDS = 30 * 86_400
NOTICE_SECONDS = 7 * 86_400
LONGEST = 500

NEW = "attribute_not_exists(pk)"
OURS = "attribute_not_exists(pk) OR profile = :profile"


def _hash(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _short(key):
    return _hash(key) if len(key.encode()) > LONGEST else key


def _place(pk, sk):
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _profile_place(profile_id):
    return _place(f"PROFILE#{profile_id}", "PROFILE")


def _handle_place(key):
    return _place(f"HANDLE#{_short(key)}", "GUARD")


def _email_place(key):
    return _place(f"EMAIL#{_hash(key)}", "GUARD")


def _json(value):
    return {"S": json.dumps(value, ensure_ascii=False)}


def _number(value):
    return {"N": str(value)}


class Committed(NamedTuple):
    """What became of a commit: done, somebody else's profile stands there, or fields are somebody's."""

    done: bool = False
    moved: dict[str, Any] | None = None
    taken: tuple[str, ...] = ()


class Step:
    """The writes of one transaction, each with what it means if its condition fails."""

    def __init__(self):
        self.writes, self.stands = [], []

    def put(self, stands, table, item, condition=None, values=None):
        write = {"TableName": table, "Item": item}
        if condition:
            write |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            write["ExpressionAttributeValues"] = values
        self.add(stands, "Put", write)

    def add(self, stands, kind, write):
        self.writes.append({kind: write})
        self.stands.append(stands)


class Directory:
    def __init__(self, profiles, outbox):
        self._client = boto3.client("dynamodb", config=SDK)
        self._profiles = profiles
        self._outbox = outbox

    def by_id(self, profile_id):
        # What no key can be is nobody's.
        if not profile_id or len(profile_id.encode()) > LONGEST:
            return None
        got = self._client.get_item(TableName=self._profiles, Key=_profile_place(profile_id), ConsistentRead=True)
        return json.loads(got["Item"]["data"]["S"]) if "Item" in got else None

    def commit(self, updated, by, mails, now):
        profile, profile_id = updated.profile, updated.profile["id"]
        step = Step()
        self._keep(step, updated, by)
        if updated.handle:
            self._move_handle(step, updated.handle, profile_id, now)
        if updated.email:
            self._move_email(step, updated.email, profile_id)
        for mail in mails:
            item = {"pk": {"S": f"MAIL#{mail['id']}"}, "sk": {"S": "-"}, "kind": {"S": "MAIL"}, "data": _json(mail)}
            item |= {"status": {"S": "queued"}, "expires_at": _number(int(now) + NOTICE_SECONDS + 1)}
            step.put("never", self._outbox, item)
        reasons = self._send(step.writes)
        failed = [
            (stands, reason)
            for stands, reason in zip(step.stands, reasons)
            if reason.get("Code") == "ConditionalCheckFailed"
        ]
        stale = next((reason for stands, reason in failed if stands == "version"), None)
        if stale is not None:
            stood = stale.get("Item")
            return Committed(moved=json.loads(stood["data"]["S"]) if stood else self.by_id(profile_id))
        if taken := tuple(stands for stands, _ in failed if stands != "never"):
            return Committed(taken=taken)
        if reasons:
            raise RuntimeError(f"cancelled: {', '.join(reason.get('Code', '') for reason in reasons)}")
        return Committed(done=True)

    def _keep(self, step, updated, by):
        profile = updated.profile
        version = _number(profile["version"])
        item = _profile_place(profile["id"]) | {"kind": {"S": "PROFILE"}, "data": _json(profile), "version": version}
        if profile["handle"]:
            item["listed"] = {"S": "LISTED"}
        before = {":before": _number(profile["version"] - 1)}
        step.put("version", self._profiles, item, "version = :before", before)
        entry = {"version": profile["version"], "at": profile["updatedAt"], "by": by, "changes": updated.changes}
        history = _place(f"PROFILE#{profile['id']}", f"HISTORY#{profile['version']:010}")
        history |= {"kind": {"S": "HISTORY"}, "data": _json(entry), "version": version}
        step.put("never", self._profiles, history, NEW)

    def _guard(self, place, profile_id):
        return place | {"kind": {"S": "GUARD"}, "profile": {"S": profile_id}}

    def _move_handle(self, step, keys, profile_id, now):
        release, claim = keys
        ours = {":profile": {"S": profile_id}}
        free = {":free": _number(int((now - RESERVED_SECONDS) * 1e9))}
        guard = self._guard(_handle_place(claim), profile_id)
        step.put("handle", self._profiles, guard, f"{OURS} OR released_at <= :free", ours | free)
        if not release:
            return
        values = {":at": _number(int(now * 1e9)), ":expires": _number(int(now) + RESERVED_SECONDS + 1)}
        step.add(
            "never",
            "Update",
            {
                "TableName": self._profiles,
                "Key": _handle_place(release),
                "UpdateExpression": "SET released_at = :at, expires_at = :expires",
                "ConditionExpression": "profile = :profile",
                "ExpressionAttributeValues": ours | values,
            },
        )
        beside = _place(f"PROFILE#{profile_id}", f"HANDLE#{_short(release)}")
        step.put("never", self._profiles, beside | {"kind": {"S": "GIVEN_UP"}, "handle": {"S": release}})

    def _move_email(self, step, keys, profile_id):
        free, claim = keys
        ours = {":profile": {"S": profile_id}}
        step.put("email", self._profiles, self._guard(_email_place(claim), profile_id), OURS, ours)
        step.add(
            "never",
            "Delete",
            {
                "TableName": self._profiles,
                "Key": _email_place(free),
                "ConditionExpression": OURS,
                "ExpressionAttributeValues": ours,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )

    def _send(self, writes):
        """What cancelled the transaction, if anything did; made again for as long as others are at the same items."""
        for pause in CONFLICT_PAUSES:
            try:
                self._client.transact_write_items(TransactItems=writes)
                return []
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = error.response.get("CancellationReasons", [])
                if not any(reason.get("Code") in PASSING for reason in reasons):
                    return reasons
            except self._client.exceptions.TransactionInProgressException:
                pass
            time.sleep(pause)
        raise RuntimeError("others write the same items")
