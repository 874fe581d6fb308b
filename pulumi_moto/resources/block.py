"""EBS volumes and their attachment."""

import hashlib
from collections.abc import Iterator
from typing import Any

from pulumi_moto.account import Account, AwsError
from pulumi_moto.backends import backend_of
from pulumi_moto.planning import Values, names
from pulumi_moto.resource import ById, Resource, Update
from pulumi_moto.schema import Problem
from pulumi_moto.wire import Unknown

from .parts import instance_of
from .support import Ec2Resource, given, refuse_to_shrink


class Volume(Ec2Resource):
    token = "aws:ebs/volume:Volume"
    label = "EBS Volume"
    kind = "volume"
    shown_by = ById("describe_volumes", "VolumeIds", "Volumes")
    deleted_by = ById("delete_volume", "VolumeId")
    replace_on = names("availabilityZone encrypted kmsKeyId snapshotId multiAttachEnabled")
    optional_computed = names("encrypted iops kmsKeyId size snapshotId throughput type")
    needed = ("size",)
    not_simulated = dict.fromkeys(["snapshotId"], "an empty volume only")

    def extra_problems(self, inputs: Values) -> Iterator[Problem]:
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

    def create(self, account: Account, inputs: Values) -> str:
        made = account.ec2.create_volume(
            AvailabilityZone=inputs["availabilityZone"],
            Encrypted=bool(inputs.get("encrypted")),
            TagSpecifications=self.tag_specifications(account, inputs),
            **_performance(inputs),
            **given(KmsKeyId=inputs.get("kmsKeyId")),
        )
        return str(made["VolumeId"])

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        gp3 = shown["VolumeType"] == "gp3"
        return {
            "arn": self.arn(account, id_),
            "availabilityZone": shown["AvailabilityZone"],
            "createTime": shown["CreateTime"].isoformat(),
            "encrypted": shown["Encrypted"],
            "kmsKeyId": shown.get("KmsKeyId"),
            "size": shown["Size"],
            "type": shown["VolumeType"],
            # moto leaves both out unless given; these are what AWS gives a gp3 volume.
            "iops": shown.get("Iops") or (3000 if gp3 else None),
            "throughput": shown.get("Throughput") or (125 if gp3 else None),
        }

    def update(self, account: Account, id_: str, change: Update) -> None:
        if change.paths & {"size", "type", "iops", "throughput"}:
            # What the program leaves out stays as it is.
            wanted = _performance(
                {**change.state, **change.inputs} if "type" not in change.paths else change.inputs
            )
            # What is recorded may be of an update that was refused. moto shrinks it.
            now = self.describe(account, id_, change.state)
            refuse_to_shrink(account, wanted["Size"], now["Size"])
            account.ec2.modify_volume(VolumeId=id_, **wanted)
        self.retag(account, id_, change)


def _performance(inputs: Values) -> dict[str, Any]:
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
    label = "EBS Volume Attachment"
    creating = "attaching EBS Volume ({volumeId}) to EC2 Instance ({instanceId})"
    replace_on = names("deviceName instanceId volumeId")

    def create(self, account: Account, inputs: Values) -> str:
        self._refuse(account, inputs)
        device, instance, volume = (inputs[k] for k in ("deviceName", "instanceId", "volumeId"))
        account.ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device=device)
        wanted = f"{device}-{instance}-{volume}-"
        return f"vai-{int(hashlib.sha256(wanted.encode()).hexdigest()[:8], 16)}"

    def _refuse(self, account: Account, inputs: Values) -> None:
        """Raises the refusals of AttachVolume; moto moves the volume instead."""

        def refuse(code: str, message: str) -> AwsError:
            return account.ec2.refuse("AttachVolume", code, message)

        volume_id, instance_id = inputs["volumeId"], inputs["instanceId"]
        volume = account.ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
        if volume["State"] == "in-use":
            raise refuse("VolumeInUse", f"{volume_id} is already attached to an instance")
        instance = instance_of(account, instance_id)
        if instance["Placement"]["AvailabilityZone"] != volume["AvailabilityZone"]:
            raise refuse(
                "InvalidVolume.ZoneMismatch",
                f"The volume '{volume_id}' is not in the same availability zone as "
                f"instance '{instance_id}'",
            )
        if inputs["deviceName"] in {m["DeviceName"] for m in instance["BlockDeviceMappings"]}:
            raise refuse(
                "InvalidParameterValue",
                f"Invalid value '{inputs['deviceName']}' for unixDevice. "
                "Attachment point is already in use",
            )

    def describe(self, account: Account, id_: str, state: Values) -> Any:
        volume = backend_of(account.region).volumes.get(state["volumeId"])
        attached = volume.attachment if volume is not None else None
        if attached is None or attached.instance.id != state["instanceId"]:
            return None
        return {"deviceName": attached.device}

    def properties(self, account: Account, id_: str, shown: Values, state: Values) -> Values:
        return {**{key: state[key] for key in ("instanceId", "volumeId")}, **shown}

    def update(self, account: Account, id_: str, change: Update) -> None:
        """`forceDetach` and its like are kept in state only; AWS is not called."""

    def deleted(self, account: Account, id_: str, state: Values) -> None:
        """Unlike other deletions, this one fails where the host or the attachment is gone."""
        volume, instance = state["volumeId"], state["instanceId"]
        action = f"deleting EBS Volume ({volume}) Attachment ({instance})"
        if not state.get("skipDestroy"):
            self.delete(account.during(action), id_, state)

    def delete(self, account: Account, id_: str, state: Values) -> None:
        volume, instance = state["volumeId"], state["instanceId"]
        if state.get("stopInstanceBeforeDetaching"):
            stopping = f"{account.action}: stopping EC2 Instance ({instance})"
            self._stop(account.during(stopping), instance)
        account.ec2.detach_volume(VolumeId=volume, InstanceId=instance, Device=state["deviceName"])

    def _stop(self, account: Account, instance: str) -> None:
        if instance_of(account, instance)["State"]["Name"] in ("shutting-down", "terminated"):
            why = f"This instance '{instance}' is not in a state from which it can be stopped."
            # moto stops it all the same
            raise account.ec2.refuse("StopInstances", "IncorrectInstanceState", why)
        account.ec2.stop_instances(InstanceIds=[instance])
