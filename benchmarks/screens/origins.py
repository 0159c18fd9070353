"""Which pages are rendered, of which packages, and on which side of the split they are.

Split by origin: what is tuned on one half says something about the other.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """A package that ships real pages.

    Attributes:
        name: short name, the first part of every page's name.
        package: as its registry calls it, with the version.
        registry: "npm" or "pypi"; "program" for one that is installed and started.
        root: folder of the package that is served.
        pages: paths under `root`; of a program, the settings it is started with.
        split: "tune" or "report".
        dark: a line of JavaScript that turns the page dark, where it can.
        setup: a line of JavaScript that brings the page to life.
        plugins: what its pages expect under `root` but the package leaves out: folder, npm package
            and the folder of that package which goes there.
    """

    name: str
    package: str
    registry: str
    root: str
    pages: tuple[str, ...]
    split: str
    dark: str = ""
    setup: str = ""
    plugins: tuple[tuple[str, str, str], ...] = ()


ORIGINS = (
    Origin(
        "gentelella",
        "gentelella@4.2.0",
        "npm",
        "package/dist",
        tuple(
            f"production/{name}.html"
            for name in [
                "calendar",
                "chat",
                "contacts",
                "file_manager",
                "form",
                "form_advanced",
                "form_buttons",
                "inbox",
                "index",
                "kanban",
                "login",
                "orders",
                "pricing_tables",
                "profile",
                "projects",
                "settings",
                "tables",
                "user_management",
                "widgets",
            ]
        ),
        "tune",
        dark="document.documentElement.setAttribute('data-theme', 'dark')",
    ),
    Origin(
        "sb-admin-2",
        "startbootstrap-sb-admin-2@4.1.4",
        "npm",
        "package",
        (
            "index.html",
            "buttons.html",
            "cards.html",
            "login.html",
            "register.html",
            "tables.html",
            "utilities-color.html",
            "forgot-password.html",
        ),
        "tune",
    ),
    Origin(
        "miniwob",
        "miniwob==1.1.0",
        "pypi",
        "miniwob/html",
        tuple(
            f"miniwob/{name}.html"
            for name in [
                "book-flight",
                "choose-date",
                "click-checkboxes-large",
                "click-menu-2",
                "click-shades",
                "click-tab-2",
                "email-inbox",
                "form-sequence",
                "social-media",
                "use-autocomplete",
            ]
        ),
        "tune",
        setup="Math.seedrandom(7); core.startEpisodeReal()",
    ),
    Origin(
        "admin-lte",
        "admin-lte@3.2.0",
        "npm",
        "package",
        tuple(
            f"{name}.html"
            for name in [
                "index",
                "index2",
                "index3",
                "pages/calendar",
                "pages/examples/contacts",
                "pages/examples/invoice",
                "pages/examples/login",
                "pages/examples/profile",
                "pages/examples/projects",
                "pages/forms/advanced",
                "pages/forms/general",
                "pages/gallery",
                "pages/kanban",
                "pages/mailbox/compose",
                "pages/mailbox/mailbox",
                "pages/tables/data",
                "pages/tables/simple",
                "pages/UI/buttons",
                "pages/UI/general",
                "pages/UI/icons",
                "pages/UI/modals",
                "pages/widgets",
            ]
        ),
        "report",
        dark="document.body.classList.add('dark-mode')",
        plugins=(
            ("plugins/fontawesome-free", "@fortawesome/fontawesome-free@5.15.4", "package"),
            ("plugins/icheck-bootstrap", "icheck-bootstrap@3.0.1", "package"),
            ("plugins/jquery", "jquery@3.6.4", "package/dist"),
            ("plugins/bootstrap", "bootstrap@4.6.2", "package/dist"),
            ("plugins/select2", "select2@4.0.13", "package/dist"),
            ("plugins/chart.js", "chart.js@2.9.4", "package/dist"),
        ),
    ),
    Origin(
        "material-dashboard",
        "material-dashboard@3.1.0",
        "npm",
        "package",
        tuple(
            f"pages/{name}.html"
            for name in [
                "billing",
                "dashboard",
                "icons",
                "notifications",
                "profile",
                "sign-in",
                "sign-up",
                "tables",
            ]
        ),
        "report",
        dark="document.body.classList.add('dark-version')",
    ),
    Origin(
        "notus",
        "notus-js@1.1.0",
        "npm",
        "package",
        (
            "index.html",
            "pages/profile.html",
            "pages/admin/dashboard.html",
            "pages/admin/settings.html",
            "pages/admin/tables.html",
            "pages/auth/login.html",
            "pages/auth/register.html",
        ),
        "tune",
    ),
    Origin(
        "tabler",
        "@tabler/preview@1.2.0",
        "npm",
        "package/dist",
        tuple(
            f"{name}.html"
            for name in [
                "accordion",
                "activity",
                "card-actions",
                "chat",
                "datatables",
                "dropdowns",
                "form-elements",
                "index",
                "layout-vertical",
                "lists",
                "logs",
                "pagination",
                "settings-plan",
                "sign-in",
                "tabs",
            ]
        ),
        "report",
        dark="document.documentElement.setAttribute('data-bs-theme', 'dark')",
    ),
    Origin(
        "jupyterlab",
        "jupyterlab==4.6.6 jupyterlab-language-pack-ko-KR jupyterlab-language-pack-zh-CN",
        "program",
        "",
        ("ko_KR-Light", "zh_CN-Light", "en-Dark", "ko_KR-Dark", "zh_CN-Dark", "en-Light"),
        "report",
    ),
)

# Widths, heights and pixel densities, dealt out in turn.
VIEWPORTS = ((1280, 800, 1), (1440, 900, 1), (1920, 1080, 1), (1366, 768, 1), (1280, 800, 2))
# Every so manieth page of an origin that can is rendered dark.
DARK_EVERY = 3
