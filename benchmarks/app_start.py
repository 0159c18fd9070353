"""How long until the web app's first page can be used: from the command to a button in a browser.

Run ``python -m benchmarks.app_start``; needs the extras ui and browser, and a Chromium.
"""

import shutil
import subprocess
import sys
from time import perf_counter

READY = "#view .som-example"


def main(rounds: int = 3) -> None:
    """Start the app, open it, wait for its first button; print each part."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        print("serving  page  interactive  again   seconds")
        for _ in range(rounds):
            start = perf_counter()
            app = subprocess.Popen(
                [sys.executable, "-m", "som", "app", "--port", "0", "--no-open"],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            try:
                assert app.stdout is not None
                url = app.stdout.readline().split()[4]
                serving = perf_counter() - start
                page = browser.new_context().new_page()
                page.goto(url)
                loaded = perf_counter() - start
                page.wait_for_selector(READY)
                usable = perf_counter() - start
                again = perf_counter()
                other = browser.new_context().new_page()
                other.goto(url)
                other.wait_for_selector(READY)
                again = perf_counter() - again
                print(f"{serving:7.1f} {loaded:5.1f} {usable:12.1f} {again:6.1f}", flush=True)
            finally:
                app.terminate()
                app.wait()
        browser.close()


if __name__ == "__main__":
    main()
