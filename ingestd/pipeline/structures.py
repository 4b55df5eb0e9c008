"""What people do with learned structures: each request decided, and entered in the ledger as one act."""

from typing import Any

from ingestd.core.errors import NotFoundError
from ingestd.core.structure_acts import ResetStructure, resetting_act
from ingestd.stores.chronicle import Chronicle
from ingestd.stores.structures import Structures


def reset_structure(request: ResetStructure, chronicle: Chronicle) -> dict[str, Any]:
    """Enter a reset; returns its `seq`, `scope` and `subject`.

    Raises:
        NotFoundError: no such recorder or model.
        RefusedError: nobody signs it.
        StoreError: as of `Chronicle.enter`.
    """
    structures = Structures(chronicle.engine)
    if request.scope == "model" and not structures.has_model(request.subject):
        raise NotFoundError(f"the register holds no recorder of model {request.subject!r}", "see: ingestd fleet list")
    if request.scope == "recorder" and not structures.has_recorder(request.subject):
        raise NotFoundError(f"nothing is known of a recorder {request.subject!r}", "a model is reset with --model")
    (entry,) = chronicle.enter(resetting_act(request))
    return {"seq": entry.seq, "scope": request.scope, "subject": request.subject}
