"""`ingestd web`: the console and the dock's screen."""

import sys

from ingestd.cli.context import ConfigOption, configuration_of
from ingestd.cli.output import console


def web(config: ConfigOption = None) -> None:
    """Serve the dock's screen and the console until Ctrl-C or SIGTERM.

    While no administrator can sign in it shows a link, once and on a terminal only, that makes the first one.

    Example: ingestd web
    """
    # Only here: what the console alone needs would slow down the start of every other command.
    from ingestd.web.credentials import first_link  # noqa: PLC0415
    from ingestd.web.serve import application_of, console_of, serve  # noqa: PLC0415

    configuration = configuration_of(config)
    serving = console_of(configuration)
    app = application_of(serving)

    def ready(address: str) -> None:
        console.print(f"Console  {address}/", markup=False, soft_wrap=True)
        console.print(f"Dock     {address}/dock", markup=False, soft_wrap=True)
        if not serving.gate.has_admin():
            if sys.stdout.isatty():
                made = first_link(serving)
                console.print(f"First administrator (首个系统管理员), once: {address}{made.words}",
                              markup=False, soft_wrap=True)  # fmt: skip
            else:
                # A journal keeps what it is told, and many read it.
                console.print("No administrator can sign in yet; on a terminal: ingestd account link", markup=False)

    serve(app, configuration.settings.web, ready)
