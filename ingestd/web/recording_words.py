"""Words of a recording's page: what happened to it, and what may be played of it."""

from typing import Final

from ingestd.stores.custody import CustodyAct
from ingestd.web.visit import Visit


def _(words: str) -> str:
    """Marks words that are translated where they are shown."""
    return words


SOURCE_WORDS: Final = {
    "original": _("original"),
    "proxy": _("preview"),
    "salvage": _("salvaged copy"),
    "poster": _("still picture"),
    "positions": _("positions"),
    "track": _("track as GPX"),
}

ORIGIN_WORDS: Final = {
    "name": _("file name"),
    "container": _("the file's own time"),
    "position": _("satellites"),
    "file_system": _("file time on the card"),
    "docking": _("time of the docking"),
    "roster": _("roster"),
    "vessel": _("vessel"),
}
"""From where the station knows something."""

ACT_WORDS: Final = {
    "recording.seen": _("the recorder was docked"),
    "recording.seen_again": _("seen again on its recorder"),
    "recording.sealed": _("sealed: read back from the medium and equal"),
    "recording.registered": _("registered"),
    "recording.released": _("list for clearing the recorder"),
    "docking.admitted": _("settled whose recorder it was"),
    "handover.receipt_made": _("hand-over receipt made"),
    "handover.addendum_made": _("addendum to the hand-over record made"),
    "handover.record_confirmed": _("hand-over record confirmed"),
    "finding.explained": _("finding explained"),
    "finding.explanation_withdrawn": _("explanation taken back"),
    "bookmark.set": _("marked"),
    "bookmark.removed": _("mark taken away"),
    "vessel.matched": _("held against AIS"),
    "vessel.confirmed": _("vessel confirmed"),
    "vessel.named": _("vessel named by hand"),
    "vessel.overruled": _("vessel overruled"),
    "case.linked": _("linked to a case"),
    "case.unlinked": _("link to a case taken away"),
    "hold.placed": _("hold placed"),
    "hold.reviewed": _("hold reviewed"),
    "hold.release_requested": _("release of the hold asked for"),
    "hold.release_approved": _("release of the hold approved, more needed"),
    "hold.release_refused": _("release of the hold refused"),
    "hold.released": _("hold released"),
    "carrier.entered": _("written to a carrier"),
    "carrier.extended": _("written to a carrier"),
    "carrier.read": _("carrier read back"),
    "carrier.withdrawn": _("carrier withdrawn"),
    "replica.stored": _("copied to another store, read back and equal"),
    "replica.read": _("copy in another store read and equal"),
    "fixity.read": _("read again and equal"),
    "fixity.failed": _("FOUND DAMAGED"),
    "disposal.planned": _("in a plan of disposal"),
    "disposal.recovered": _("taken out of a plan of disposal"),
    "disposal.spared": _("spared by a disposal"),
    "disposal.condemned": _("disposal begun"),
    "disposal.disposed": _("destroyed"),
    "view.registered": _("viewed"),
}
"""What happened, by what the catalogue calls it."""

_DOWNLOADED: Final = _("copied out by a person")
_SHOWN: Final = ("number", "case", "hold", "carrier", "disposal", "store", "request", "sample", "code", "recorder")


def act_words(visit: Visit, act: CustodyAct) -> str:
    """What happened, in the language of whoever asks."""
    if act.act == "view.registered" and act.about.get("kind") == "download":
        return visit.t(_DOWNLOADED)
    return visit.t(ACT_WORDS[act.act]) if act.act in ACT_WORDS else act.act


def about_words(visit: Visit, act: CustodyAct) -> str:
    """What it names, in short."""
    about = act.about
    words = [str(about[name]) for name in _SHOWN if about.get(name)]
    if about.get("name") or about.get("mmsi"):
        words.append(" ".join(str(about[name]) for name in ("name", "mmsi") if about.get(name)))
    if about.get("card_path"):
        words.append(f"{visit.t('bay')} {about['bay']}: {about['card_path']}")
    if about.get("at_s") is not None:
        words.append(f"{about['at_s']:.1f} s {about['kind']}")
    words += [", ".join(about["fields"])] if about.get("fields") else []
    words += [str(about[name]) for name in ("outcome", "words", "note", "reason") if about.get(name)]
    return " · ".join(words)
