"""updateProfile as AppSync asks for it: the work of functions/profile-mutation-validator with pydantic and boto3."""

from missing import needed
from runtime import run
from telemetry import count, log

with needed():
    from directory import Directory
    from mutation import Refused, answer_of, mutate
    from rules import warm
    from settings import required

SERVICE = "profile-mutation-validator"
UNAVAILABLE = "Le service ne répond pas pour l’instant ; réessayez."


class Profiles:
    def __init__(self):
        self._directory = Directory(required("PROFILES_TABLE"), required("OUTBOX_TABLE"))
        # While init runs at full speed: the tables of telephone numbers, and the connection to the directory.
        warm()
        try:
            self._directory.by_id("nobody")
        except Exception as error:
            log("WARN", "the first request opens the connection", error=type(error).__name__)

    def __call__(self, event, request_id):
        known = (event.get("info") or {}).get("fieldName") == "updateProfile"
        fields = {"request_id": request_id, "field": "updateProfile" if known else "unknown"}
        try:
            data = mutate(event, self._directory)
        except Refused as refused:
            violations = (refused.info or {}).get("violations", [])
            codes = " ".join(one["code"] for one in violations[:20])
            count(SERVICE, "ProfileRefused", 1)
            log("INFO", "refused", **fields, error_type=refused.error_type, codes=codes)
            return answer_of(refused, (event.get("request") or {}).get("headers"))
        except Exception as error:
            count(SERVICE, "ProfileUnavailable", 1)
            log("ERROR", "unavailable", **fields, error=type(error).__name__)
            return {"error": {"errorType": "Unavailable", "message": UNAVAILABLE, "errorInfo": None}}
        count(SERVICE, "ProfileWritten", 1)
        log("INFO", "answered", **fields)
        return {"data": data}


if __name__ == "__main__":
    run(Profiles)
