"""The fleet register of recorders, and how each docking was admitted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WAITING = "settled_at IS NULL AND (is_quarantined OR is_conflicting)"


def upgrade() -> None:
    """Create the tables; dockings of before were ordinary ones, whose serials later dockings are compared with."""
    op.create_table(
        "recorders",
        sa.Column("number", sa.String(), nullable=False, comment="device number [fleet.registered]"),
        sa.Column("status", sa.String(), nullable=False, comment="core.fleet.FleetStatus [fleet.changed]"),
        sa.Column("reason", sa.Text(), nullable=False, comment="of the last change of status"),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("usb_serials", sa.JSON(), nullable=False, comment="those that are known to belong to it"),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "holder",
            sa.Text(),
            nullable=True,
            comment="who it is issued to; null in the store [fleet.issued, fleet.returned]",
        ),
        sa.Column("issued_at", sa.String(), nullable=True, comment="null while nobody holds it"),
        sa.Column("registered_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_recorders")),
    )
    op.create_table(
        "fleet_acts",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry"),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False, comment="fleet.… [each of them]"),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="the person"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.ForeignKeyConstraint(["number"], ["recorders.number"], name=op.f("fk_fleet_acts_number")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_fleet_acts")),
    )
    op.create_index(op.f("ix_fleet_acts_number"), "fleet_acts", ["number"], unique=False)
    op.create_table(
        "admissions",
        sa.Column("docking_id", sa.String(), nullable=False, comment="[docking.listed]"),
        sa.Column(
            "number",
            sa.String(),
            nullable=True,
            comment="device number; as settled by a person where one named another; null for none",
        ),
        sa.Column("usb_serial", sa.String(), nullable=True, comment="null where the medium told none"),
        sa.Column("is_quarantined", sa.Boolean(), nullable=False, comment="held apart when it was docked"),
        sa.Column(
            "is_conflicting",
            sa.Boolean(),
            nullable=False,
            comment="sources of its identity disagreed when it was docked",
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="in words; empty for an ordinary docking"),
        sa.Column(
            "settled_at", sa.String(), nullable=True, comment="null while no person said anything [docking.admitted]"
        ),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column(
            "settled_recorder",
            sa.String(),
            nullable=True,
            comment="the recorder that the person named; null: accepted as it stands",
        ),
        sa.Column("settled_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["docking_id"], ["dockings.docking_id"], name=op.f("fk_admissions_docking_id")),
        sa.PrimaryKeyConstraint("docking_id", name=op.f("pk_admissions")),
    )
    op.create_index(op.f("ix_admissions_number"), "admissions", ["number"], unique=False)
    op.create_index(op.f("ix_admissions_usb_serial"), "admissions", ["usb_serial"], unique=False)
    op.create_index(
        "ix_admissions_waiting",
        "admissions",
        ["docking_id"],
        unique=False,
        sqlite_where=sa.text(_WAITING),
        postgresql_where=sa.text(_WAITING),
    )
    _admit_what_stands()


def _admit_what_stands() -> None:
    """A row for each docking of before, as a replay of its listing gives it."""
    dockings = sa.table("dockings", sa.column("docking_id"), sa.column("recorder_id"), sa.column("document", sa.JSON()))
    admissions = sa.table(
        "admissions",
        *(sa.column(name) for name in ("docking_id", "number", "usb_serial", "reason")),
        sa.column("is_quarantined", sa.Boolean()),
        sa.column("is_conflicting", sa.Boolean()),
    )
    rows = [
        {
            "docking_id": row.docking_id,
            "number": row.recorder_id,
            "usb_serial": row.document.get("volume", {}).get("usb_serial"),
            "is_quarantined": False,
            "is_conflicting": False,
            "reason": "",
        }
        for row in op.get_bind().execute(sa.select(dockings))
    ]
    if rows:
        op.bulk_insert(admissions, rows)
