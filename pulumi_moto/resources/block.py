"""EBS volumes and their attachment."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_moto.account import Account, AwsError, gone_is_fine
from pulumi_moto.backends import backend_of
from pulumi_moto.resource import Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.wire import Unknown

from .support import Ec2Resource, needed, not_simulated, own_tags, refuse_to_shrink


class Volume(Ec2Resource):
    token = "aws:ebs/volume:Volume"
    kind = "volume"
    replace_on = frozenset(
        {"availabilityZone", "encrypted", "kmsKeyId", "snapshotId", "multiAttachEnabled"}
    )
    computed = frozenset({"arn", "createTime"})
    optional_computed = frozenset(
        {"encrypted", "iops", "kmsKeyId", "size", "snapshotId", "throughput", "type"}
    )

    def extra_problems(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        yield from not_simulated(inputs, "an empty volume only", "snapshotId")
        yield from needed(inputs, "size")
        kind = inputs.get("type")
        if isinstance(kind, Unknown):
            return
        if inputs.get("throughput") and kind != "gp3":
            yield Problem("throughput", "'throughput' must not be set when 'type' is not gp3")
        if inputs.get("iops") and kind not in ("gp3", "io1", "io2"):
            yield Problem("iops", f"'iops' must not be set when 'type' is '{kind or ''}'")
        if kind in ("io1", "io2") and inputs.get("iops") is None:
            yield Problem("iops", f"'iops' must be set when 'type' is '{kind}'")
        if inputs.get("multiAttachEnabled") and kind not in ("io1", "io2"):
            yield Problem("multiAttachEnabled", f"must not be set when 'type' is '{kind or ''}'")

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        key = inputs.get("kmsKeyId")
        made = account.call(
            "creating EBS Volume",
            "ec2",
            "create_volume",
            AvailabilityZone=inputs["availabilityZone"],
            **_performance(inputs),
            Encrypted=bool(inputs.get("encrypted")),
            TagSpecifications=self.tag_specifications(account, inputs),
            **({"KmsKeyId": key} if key else {}),
        )
        return str(made["VolumeId"])

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        volume = self.described(account, "describe_volumes", "Volumes", VolumeIds=[id_])
        if volume is None:
            return None
        gp3 = volume["VolumeType"] == "gp3"
        told = {
            "arn": account.arn("ec2", f"volume/{id_}"),
            "availabilityZone": volume["AvailabilityZone"],
            "createTime": volume["CreateTime"].isoformat(),
            "encrypted": volume["Encrypted"],
            "kmsKeyId": volume.get("KmsKeyId"),
            "size": volume["Size"],
            "type": volume["VolumeType"],
            # moto leaves both out unless given; these are what AWS gives a gp3 volume.
            "iops": volume.get("Iops") or (3000 if gp3 else None),
            "throughput": volume.get("Throughput") or (125 if gp3 else None),
            "tags": own_tags(account, volume.get("Tags"), state),
        }
        return {key: value for key, value in told.items() if value is not None}

    def update(self, account: Account, id_: str, change: Update) -> None:
        action = f"updating EBS Volume ({id_})"
        if change.paths & {"size", "type", "iops", "throughput"}:
            # What the program leaves out stays as it is.
            wanted = _performance(
                {**change.state, **change.inputs} if "type" not in change.paths else change.inputs
            )
            # What is recorded may be of an update that was refused. moto shrinks it.
            volume = account.call(action, "ec2", "describe_volumes", VolumeIds=[id_])["Volumes"][0]
            refuse_to_shrink(account, action, wanted["Size"], volume["Size"])
            account.call(action, "ec2", "modify_volume", VolumeId=id_, **wanted)
        self.retag(account, id_, change)

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        with gone_is_fine("InvalidVolume.NotFound"):
            account.call(f"deleting EBS Volume ({id_})", "ec2", "delete_volume", VolumeId=id_)


def _performance(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Size and speed in the form of CreateVolume and ModifyVolume."""
    kind = inputs.get("type", "gp2")
    wanted = {"Size": inputs["size"], "VolumeType": kind}
    if kind in ("gp3", "io1", "io2") and inputs.get("iops"):
        wanted["Iops"] = inputs["iops"]
    if kind == "gp3" and inputs.get("throughput"):
        wanted["Throughput"] = inputs["throughput"]
    return wanted


class VolumeAttachment(Resource):
    token = "aws:ec2/volumeAttachment:VolumeAttachment"
    replace_on = frozenset({"deviceName", "instanceId", "volumeId"})
    taggable = False

    def create(self, account: Account, inputs: Mapping[str, Any]) -> str:
        action = (
            f"attaching EBS Volume ({inputs['volumeId']}) to EC2 Instance ({inputs['instanceId']})"
        )
        self._refuse(account, action, inputs)
        account.call(
            action,
            "ec2",
            "attach_volume",
            VolumeId=inputs["volumeId"],
            InstanceId=inputs["instanceId"],
            Device=inputs["deviceName"],
        )
        wanted = f"{inputs['deviceName']}-{inputs['instanceId']}-{inputs['volumeId']}-"
        return f"vai-{int(hashlib.sha256(wanted.encode()).hexdigest()[:8], 16)}"

    def _refuse(self, account: Account, action: str, inputs: Mapping[str, Any]) -> None:
        """What AttachVolume refuses; moto moves the volume instead."""

        def refuse(code: str, message: str) -> AwsError:
            return account.refuse(action, "EC2", "AttachVolume", code, message)

        volume = account.call(action, "ec2", "describe_volumes", VolumeIds=[inputs["volumeId"]])[
            "Volumes"
        ][0]
        if volume["State"] == "in-use":
            raise refuse("VolumeInUse", f"{inputs['volumeId']} is already attached to an instance")
        instance = account.call(
            action, "ec2", "describe_instances", InstanceIds=[inputs["instanceId"]]
        )["Reservations"][0]["Instances"][0]
        if instance["Placement"]["AvailabilityZone"] != volume["AvailabilityZone"]:
            raise refuse(
                "InvalidVolume.ZoneMismatch",
                f"The volume '{inputs['volumeId']}' is not in the same availability zone as "
                f"instance '{inputs['instanceId']}'",
            )
        if inputs["deviceName"] in {m["DeviceName"] for m in instance["BlockDeviceMappings"]}:
            raise refuse(
                "InvalidParameterValue",
                f"Invalid value '{inputs['deviceName']}' for unixDevice. "
                "Attachment point is already in use",
            )

    def read(self, account: Account, id_: str, state: Mapping[str, Any]) -> dict[str, Any] | None:
        volume = backend_of(account.region).volumes.get(state["volumeId"])
        attached = volume.attachment if volume is not None else None
        if attached is None or attached.instance.id != state["instanceId"]:
            return None
        return {
            "deviceName": attached.device,
            "instanceId": attached.instance.id,
            "volumeId": state["volumeId"],
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        """`forceDetach` and its like are kept in state only; AWS is not called."""

    def delete(self, account: Account, id_: str, state: Mapping[str, Any]) -> None:
        """Unlike other deletions, this one fails where the host or the attachment is gone."""
        if state.get("skipDestroy"):
            return
        volume, instance = state["volumeId"], state["instanceId"]
        action = f"deleting EBS Volume ({volume}) Attachment ({instance})"
        if state.get("stopInstanceBeforeDetaching"):
            self._stop(account, f"{action}: stopping EC2 Instance ({instance})", instance)
        account.call(
            action,
            "ec2",
            "detach_volume",
            VolumeId=volume,
            InstanceId=instance,
            Device=state["deviceName"],
        )

    def _stop(self, account: Account, action: str, instance: str) -> None:
        found = account.call(action, "ec2", "describe_instances", InstanceIds=[instance])
        state = found["Reservations"][0]["Instances"][0]["State"]["Name"]
        if state in ("shutting-down", "terminated"):  # moto stops it all the same
            raise account.refuse(
                action,
                "EC2",
                "StopInstances",
                "IncorrectInstanceState",
                f"This instance '{instance}' is not in a state from which it can be stopped.",
            )
        account.call(action, "ec2", "stop_instances", InstanceIds=[instance])
