"""The app on our server, with one launch that is open already."""

import sys
import time
from secrets import token_hex

from benchmarks.bodies import TODAY
from benchmarks.chart_server import PATIENT
from ehr.look_up import LookUp
from ehr.trust import SmartEhr, Trust
from journal.journal import open_journal
from journal.launches import Launches
from plugin.server import run
from plugin.shared_folder import shared_folder
from smart_app.chart.reading import MOST_PAGES, SECONDS
from smart_app.launches import Launch
from smart_app.sign_in.kept_launches import KeptLaunches

LAUNCH, BROWSER = "bench", "b" * 43


def main(ehr: str, port: int) -> None:
    with shared_folder() as folder:
        from plugin.app import create_app  # only now: its metrics meet in the folder
        from smart_app.door import create_blueprint

        journal = open_journal(f"sqlite:///{folder / 'journal.sqlite3'}", token_hex(32))
        kept = KeptLaunches(Launches(journal.database, journal.keys), lambda launch: launch)
        launch = Launch(id=LAUNCH, form_key="", iss=ehr, patient=PATIENT, expires_at=int(time.time()) + 3600)
        kept.keep(launch, journal.keys.hashed("launch", "browser", BROWSER), "")
        here = f"http://localhost:{port}"
        trust = Trust(here, smart_ehrs=(SmartEhr(ehr, "bench", "public"),))
        look_up = LookUp(SECONDS, most_pages=MOST_PAGES)
        pages = create_blueprint(trust, journal, look_up, today=lambda: TODAY)
        run(create_app(here, lambda: TODAY, journal=journal, pages=[pages]), "127.0.0.1", port, 1, lambda: None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
