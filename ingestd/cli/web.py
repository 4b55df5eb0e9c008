"""`ingestd web`: the console and the dock's screen."""

from ingestd.cli.context import ConfigOption, configuration_of
from ingestd.cli.output import console


def web(config: ConfigOption = None) -> None:
    """Serve the dock's screen and the console until Ctrl-C or SIGTERM.

    Example: ingestd web
    """
    # Only here: what the console alone needs would slow down the start of every other command.
    from ingestd.web.serve import application_of, console_of, serve  # noqa: PLC0415

    configuration = configuration_of(config)
    app = application_of(console_of(configuration))

    def ready(address: str) -> None:
        console.print(f"Console  {address}/", markup=False, soft_wrap=True)
        console.print(f"Dock     {address}/dock", markup=False, soft_wrap=True)

    serve(app, configuration.settings.web, ready)
