# SPDX-License-Identifier: MIT
"""Bills of materials of a build: sbom.py OUTPUT.spdx.json OUTPUT.cdx.json VERSION NAME=VERSION=PURPOSE...

SPDX 2.3 and CycloneDX 1.5. A dependency whose version is "" is not in this build and is left out. The same arguments
give the same bytes: the time is SOURCE_DATE_EPOCH's, the 1st of January 1970 without it, and identifiers are made of what
they identify. Where the source is published is not known here: it is said by none of the two.
"""

import datetime
import json
import os
import sys
import uuid

LICENCES = {
    "libjpeg-turbo": "IJG AND BSD-3-Clause AND Zlib",
    "libpng": "libpng-2.0",
    "zlib": "Zlib",
    "giflib": "MIT",
    "libwebp": "BSD-3-Clause",
    "libtiff": "libtiff",
    "blis": "BSD-3-Clause",
    "cairo": "LGPL-2.1-only OR MPL-1.1",
    "hdf5": "NOASSERTION",
    "nanopb": "Zlib",
    "mpi": "NOASSERTION",
}


def main():
    spdx_path, cyclone_path, version = sys.argv[1:4]
    parts = [tuple(argument.split("=", 2)) for argument in sys.argv[4:]]
    parts = [part for part in parts if part[1]]
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    created = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = uuid.uuid5(uuid.NAMESPACE_OID, "libcnn " + version + json.dumps(parts))

    def package(name, number, licence):
        return {
            "SPDXID": "SPDXRef-" + name,
            "name": name,
            "versionInfo": number,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False,
            "licenseConcluded": licence,
            "licenseDeclared": licence,
            "copyrightText": "2026 libcnn contributors" if name == "libcnn" else "NOASSERTION",
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:generic/%s@%s" % (name, number),
                }
            ],
        }

    def licence_of(name):
        return LICENCES.get(name, "NOASSERTION")

    spdx = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "libcnn-" + version,
        "documentNamespace": "https://spdx.org/spdxdocs/libcnn-%s-%s" % (version, identity),
        "creationInfo": {"created": created, "creators": ["Tool: release/sbom.py"]},
        "packages": [package("libcnn", version, "MIT")]
        + [package(name, number, licence_of(name)) for name, number, _ in parts],
        "relationships": [
            {
                "spdxElementId": "SPDXRef-DOCUMENT",
                "relationshipType": "DESCRIBES",
                "relatedSpdxElement": "SPDXRef-libcnn",
            }
        ]
        + [
            {
                "spdxElementId": "SPDXRef-libcnn",
                "relationshipType": "DYNAMIC_LINK",
                "relatedSpdxElement": "SPDXRef-" + name,
                "comment": purpose,
            }
            for name, _, purpose in parts
        ],
    }

    def component(name, number, licence, purpose=None):
        one = {
            "type": "library",
            "bom-ref": "pkg:generic/%s@%s" % (name, number),
            "name": name,
            "version": number,
            "purl": "pkg:generic/%s@%s" % (name, number),
        }
        if licence != "NOASSERTION":
            one["licenses"] = [{"expression": licence}]
        if purpose:
            one["description"] = purpose
        return one

    main_component = component("libcnn", version, "MIT")
    cyclone = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:%s" % identity,
        "version": 1,
        "metadata": {"timestamp": created, "component": main_component},
        "components": [component(name, number, licence_of(name), purpose) for name, number, purpose in parts],
        "dependencies": [
            {
                "ref": main_component["bom-ref"],
                "dependsOn": ["pkg:generic/%s@%s" % (name, number) for name, number, _ in parts],
            }
        ],
    }
    for path, document in ((spdx_path, spdx), (cyclone_path, cyclone)):
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")


main()
