#!/usr/bin/env python3
"""Makes runc run a container as a rendered pod asks for it.

    bundle.py IMAGE RENDERED KIND FOLDER [--pod NAME] [--secret NAME/KEY=VALUE]... [-- ARGUMENT...]

IMAGE is an unpacked image (umoci's bundle), RENDERED the chart's objects, KIND the one whose pod is meant. Writes
FOLDER/config.json and the files that ConfigMaps and Secrets would mount: user, arguments, variables, mounts,
capabilities, read-only root and no_new_privs are the pod's. ARGUMENTs take the place of the container's own.

Not as in a cluster: the network is this machine's, nothing bounds memory or processors, there is no seccomp profile.
Needs PyYAML, which checkov brings.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import yaml


def variable(given, asked):
    """The value of a variable of the pod."""
    if "value" in given:
        return given["value"]
    source = given["valueFrom"]
    if "fieldRef" in source:
        assert source["fieldRef"]["fieldPath"] == "metadata.name", source
        return asked.pod
    reference = source["secretKeyRef"]
    return asked.secrets[reference["name"], reference["key"]]


def files(volume, objects, asked):
    """What a volume holds: name -> text."""
    if "configMap" in volume:
        name = volume["configMap"]["name"]
        found = [one for one in objects if one["kind"] == "ConfigMap" and one["metadata"]["name"] == name]
        return found[0]["data"]
    secret = volume["secret"]
    return {item["path"]: asked.secrets[secret["secretName"], item["key"]] for item in secret["items"]}


def lay_out(volume, objects, asked):
    """Writes a volume's files, owned by root and readable as its mode and the pod's fsGroup allow."""
    source = volume.get("configMap") or volume["secret"]
    folder = asked.folder / "volumes" / volume["name"]
    folder.mkdir(parents=True)
    for name, content in files(volume, objects, asked).items():
        path = folder / name
        path.write_text(content)
        path.chmod(source["defaultMode"])
        asked.chown(path)
    return folder


def parsed():
    parser = argparse.ArgumentParser()
    parser.add_argument("image", type=Path)
    parser.add_argument("rendered", type=Path)
    parser.add_argument("kind")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pod", default="homecoming-0")
    parser.add_argument("--secret", action="append", default=[])
    given = sys.argv[1:]
    end = given.index("--") if "--" in given else len(given)
    asked = parser.parse_args(given[:end])
    asked.arguments = given[end + 1 :]
    asked.secrets = {}
    for given in asked.secret:
        place, value = given.split("=", 1)
        asked.secrets[tuple(place.split("/", 1))] = value
    return asked


def main():
    asked = parsed()
    objects = [one for one in yaml.safe_load_all(asked.rendered.read_text()) if one]
    pod = next(one for one in objects if one["kind"] == asked.kind)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    of_pod, of_container = pod["securityContext"], container["securityContext"]
    asked.folder.mkdir(parents=True)
    asked.chown = lambda path: os.chown(path, 0, of_pod["fsGroup"])

    config = json.loads((asked.image / "config.json").read_text())
    config["root"] = {"path": str((asked.image / "rootfs").resolve()), "readonly": of_container["readOnlyRootFilesystem"]}
    process = config["process"]
    assert of_container["capabilities"] == {"drop": ["ALL"]}, of_container
    process["capabilities"] = {name: [] for name in ("bounding", "effective", "inheritable", "permitted", "ambient")}
    process["noNewPrivileges"] = not of_container["allowPrivilegeEscalation"]
    process["user"] = {"uid": of_pod["runAsUser"], "gid": of_pod["runAsGroup"], "additionalGids": [of_pod["fsGroup"]]}
    process["terminal"] = False
    process.pop("rlimits", None)
    # The image's entry point, and the pod's arguments in place of the image's.
    process["args"] = [process["args"][0], *(asked.arguments or container["args"])]
    process["env"] += [f"{one['name']}={variable(one, asked)}" for one in container.get("env", [])]

    folders = {volume["name"]: lay_out(volume, objects, asked) for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        source = str(folders[mount["name"]].resolve())
        options = ["rbind", "ro", "nosuid", "nodev", "noexec"]
        config["mounts"].append(
            {"destination": mount["mountPath"], "type": "bind", "source": source, "options": options}
        )
    linux = config["linux"]
    linux.pop("resources", None)
    linux["namespaces"] = [one for one in linux["namespaces"] if one["type"] != "network"]
    (asked.folder / "config.json").write_text(json.dumps(config, indent=1))


if __name__ == "__main__":
    main()
