"""The web app: `som.ui.app` builds and serves it; docs/app.md says what it does."""
