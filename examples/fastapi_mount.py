"""The web app inside your own FastAPI app, behind your own login: ``uvicorn fastapi_mount:app``.

Needs the extra ``ui``. Your routes stay where they are; the app is at /som, its API included.
"""

import uvicorn
from fastapi import FastAPI

from som.ui.app import mount
from som.ui.config import Config

app = FastAPI()


@app.get("/")
def home() -> dict[str, str]:
    """A route of your own."""
    return {"marks": "/som"}


# Others can reach it, so visitors name no servers but these, and start no browsers here.
app = mount(app, "/som", Config(host="::", agent=False, allow_servers=("http://localhost:11434",)))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8000)
