"""The desk's page on work in progress."""

from __future__ import annotations

from flask import render_template

from meridian.desk.routes import Answer, desk
from meridian.desk.session import current_wiring
from meridian.desk.work_pages import work_page
from meridian.wiring import utc_now


@desk.get("/work")
def work() -> Answer:
    """Files of applications and how far each is, and what failed too often."""
    return render_template("desk/work.html", page=work_page(current_wiring().desk.work, utc_now()))
