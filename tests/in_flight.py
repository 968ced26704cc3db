"""How many calls are under way at once."""

import threading


class InFlight:
    """Counts what is within it, of threads or tasks, and the most that ever was at once."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._now -= 1
