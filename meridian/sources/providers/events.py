"""A provider that speaks of events as Meridian stores them, as the simulated lender's stubs do.

`GET /v1/<source>/<applicant>` answers with `{applicant_id, as_of, streams}`; with 202 and where the result will be;
or with 404 and a problem document of the type `urn:meridian:problem:no-file` where it has nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import quote

from meridian.sources.deadline import Deadline
from meridian.sources.providers.config import ProviderSettings
from meridian.sources.providers.http import Answer, Http
from meridian.sources.reply import Checker, Later, NotUnderstood, Told

NO_FILE = "urn:meridian:problem:no-file"
_PATH = re.compile("/(?!/)[!-~]{0,1999}")


class Provider:
    """See `meridian.sources.providers.Provider`."""

    def __init__(self, settings: ProviderSettings, checker: Checker, clock: Callable[[], datetime]):
        self._http = Http(settings)
        self._checker = checker
        self._clock = clock

    def ask(self, applicant_id: str, deadline: Deadline) -> Told:
        """What it has of the applicant."""
        path = f"/v1/{self._checker.name}/{quote(applicant_id, safe='')}"
        return self._told(applicant_id, self._http.get(path, deadline, no_file=NO_FILE))

    def fetch(self, applicant_id: str, later: Later, deadline: Deadline) -> Told:
        """The answer to an earlier question, or that it is not ready yet."""
        # Here 404 says that there is no such result, and nothing of the applicant.
        return self._told(applicant_id, self._http.get(later.result, deadline))

    def _told(self, applicant_id: str, answer: Answer) -> Told:
        if answer.status == 202:
            return _later(answer)
        if answer.status == 404:
            return self._checker.nothing(applicant_id, self._clock())
        return self._checker.from_json(answer.body, applicant_id, self._clock())


def _later(answer: Answer) -> Later:
    try:
        document = json.loads(answer.body)
        result, seconds = str(document["result"]), float(document["ready_in_s"])
    except (ValueError, KeyError, TypeError):
        raise NotUnderstood from None
    # A path of this very provider: an address from outside would send our question, and our key, anywhere.
    if not _PATH.fullmatch(result) or not 0 <= seconds <= 7 * 86_400:
        raise NotUnderstood
    return Later(result, seconds)
