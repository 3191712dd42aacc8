"""The mails that tell of a change: to the member, to the address before if it changed, and to the team."""

import os

from rules import email_key

SELLER = {"from": "facturation@example.org", "name": "Atelier Exemple", "accent": "#1f3a5f"}
TEAM = os.environ.get("TEAM_EMAIL", "equipe@example.org")


def mails(before, after, changes):
    spoken = (tag.split("-")[0].lower() for tag in after["languages"])
    language = next((tag for tag in spoken if tag in ("fr", "en")), after["language"])
    names = [name for name in (after["firstName"], after["lastName"]) if name]

    def mail(whom, to, language):
        return {
            "id": f"profile/{after['id']}/{after['version']}/{whom}",
            "to": to,
            "from": SELLER["from"],
            "from_name": None,
            "reply_to": None,
            "content": {
                "about": "notice",
                "language": language,
                "seller_name": SELLER["name"],
                "contact": SELLER["from"],
                "accent": SELLER["accent"],
                "for_team": whom == "team",
                "event": "changed",
                "name": " ".join(names) or after["handle"],
                "profile": after["handle"] or after["id"],
                "changes": [one["field"] for one in changes],
            },
            "attachment": None,
            "queued_at": after["updatedAt"],
        }

    told = [mail("member", after["email"], language)]
    if TEAM:
        told.append(mail("team", TEAM, "fr"))
    if email_key(before["email"]) != email_key(after["email"]):
        told.append(mail("member-before", before["email"], language))
    return told
