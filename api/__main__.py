"""`python -m api`: the REST API on one address, until SIGTERM."""

import gc
import sys
import threading
from contextlib import suppress

import uvicorn

from api.app import create_app
from grader.settings import Settings
from grader.telemetry import start_logging
from grader.tokens import load_vocabulary

_DID_NOT_START = 3


def main() -> int:
    settings = Settings()
    start_logging(settings.log_level)
    app = create_app(settings)
    # Transcripts are thousands of small objects without cycles: looking for some among them, and
    # among all that was imported, would take half of the time that reading them does.
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    threading.Thread(target=load_vocabulary, name="vocabulary", daemon=True).start()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        )
    )
    # A server that stops waits for its open streams, which end only if they know.
    app.state.watching.is_stopping = lambda: server.should_exit
    with suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else _DID_NOT_START


if __name__ == "__main__":
    sys.exit(main())
