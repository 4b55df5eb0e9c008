"""What helpers that speak to recorders did."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table; no such act was entered before."""
    op.create_table(
        "device_acts",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False, comment="ledger entry"),
        sa.Column("visit_id", sa.String(), nullable=False, comment="one talk with one recorder"),
        sa.Column("line_sha256", sa.String(), nullable=False, comment="of the line that the helper wrote"),
        sa.Column("act", sa.String(), nullable=False, comment="device.… [each of them]"),
        sa.Column("at", sa.String(), nullable=False, comment="by the helper's clock"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("usb_path", sa.String(), nullable=False, comment="sysfs path of the USB device; empty: not known"),
        sa.Column("usb_serial", sa.String(), nullable=False, comment="empty where it told none"),
        sa.Column("number", sa.String(), nullable=True, comment="that the recorder told [device.info_read]"),
        sa.Column("document", sa.JSON(), nullable=False, comment="the act's data"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_device_acts")),
    )
    op.create_index(op.f("ix_device_acts_number"), "device_acts", ["number"], unique=False)
    op.create_index(op.f("ix_device_acts_usb_path"), "device_acts", ["usb_path"], unique=False)
    name = op.f("ix_device_acts_visit_id_line_sha256")
    op.create_index(name, "device_acts", ["visit_id", "line_sha256"], unique=True)
