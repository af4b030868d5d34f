// A directory that looks like a script's own, for a build to which data files belong: with the build's sources, links to
// the runner's copies of the data files, and links to all else that lies beside them. So __dirname leads a script to its
// data as it was when the build was made, also on a machine without that directory.
"use strict";

const fs = require("fs");
const path = require("path");

const MOST_LINKS = 1000;
let made = 0;

class Mirror {
    #real;

    /** Where it is. */
    directory;

    /**
     * @param builds a private directory of the worker
     * @param real the script's own directory
     */
    constructor(builds, real) {
        this.#real = real;
        this.directory = path.join(builds, `files-${++made}`);
    }

    /**
     * Makes it. Throws where it cannot be written.
     *
     * @param sources [name, content] of each source of the build; a name is relative to the script's directory
     * @param files [name, the path of its copy] of each data file
     */
    make(sources, files) {
        fs.mkdirSync(this.directory);
        sources.forEach(([name, source]) => this.add(name, source));
        link(this.directory, files);
        this.#linkNeighbours(this.directory);
    }

    /** Writes a source of the build, unless there is a file of that name. */
    add(name, source) {
        const place = path.join(this.directory, name);
        if (!isThere(place)) {
            fs.mkdirSync(path.dirname(place), { recursive: true });
            fs.writeFileSync(place, source);
        }
    }

    /** Removes it; what cannot be removed now goes with the worker. */
    remove() {
        try {
            fs.rmSync(this.directory, { recursive: true, force: true });
        } catch (error) {
            console.error(`bridge: ${this.directory} cannot be removed: ${error.message}`);
        }
    }

    /** Links to what really lies in a folder, and in those below it that are folders of the mirror. */
    #linkNeighbours(folder) {
        const folders = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
        const beside = path.join(this.#real, path.relative(this.directory, folder));
        const names = namesIn(beside);
        if (names.length > MOST_LINKS) {
            console.error(`bridge: ${beside}: has more than ${MOST_LINKS} files; some cannot be found by __dirname`);
        }
        link(
            folder,
            names.slice(0, MOST_LINKS).map((name) => [name, path.join(beside, name)]),
        );
        folders.forEach((entry) => this.#linkNeighbours(path.join(folder, entry.name)));
    }
}

function link(folder, files) {
    for (const [name, file] of files) {
        const place = path.join(folder, name);
        if (!isThere(place)) {
            fs.symlinkSync(file, place);
        }
    }
}

function isThere(place) {
    return fs.lstatSync(place, { throwIfNoEntry: false }) !== undefined;
}

function namesIn(directory) {
    try {
        return fs.readdirSync(directory).sort();
    } catch {
        return []; // it is not on this machine, or the worker's user may not list it
    }
}

module.exports = { Mirror };
