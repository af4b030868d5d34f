package srbridge;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;

/**
 * A directory that looks like a script's own, for a source to which data files belong: with links to the runner's copies
 * of these, and to all else that lies beside the script. So the place of its classes leads a script to its data as it was
 * when the build was made, also on a machine without that directory.
 */
final class Mirror {
    private static final int MOST_LINKS = 1000;

    private Mirror() {
    }

    /**
     * Makes the directory.
     *
     * @param files where the copy of each data file is, by its name
     * @param script where the script really is
     * @return the script's place in the directory: a file without content
     */
    static Path make(Path directory, Map<String, Path> files, Path script) throws IOException {
        Files.createDirectories(directory);
        Path place = Files.createFile(directory.resolve(script.getFileName()));
        link(directory, files);
        int left = MOST_LINKS;
        try (DirectoryStream<Path> neighbours = Files.newDirectoryStream(script.getParent())) {
            for (Path each : neighbours) {
                if (left-- == 0) {
                    System.err.println("bridge: " + script.getParent() + " has more than " + MOST_LINKS
                        + " files; some cannot be found beside the script's classes");
                    break;
                }
                link(directory.resolve(each.getFileName()), each);
            }
        } catch (IOException | DirectoryIteratorException error) {
            // It is not on this machine, or the worker's user may not list it.
        }
        return place;
    }

    /** Links to files in a directory. */
    static void link(Path directory, Map<String, Path> files) throws IOException {
        for (Map.Entry<String, Path> each : files.entrySet()) {
            link(directory.resolve(each.getKey()), each.getValue());
        }
    }

    private static void link(Path place, Path file) throws IOException {
        if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            Files.createSymbolicLink(place, file);
        }
    }
}
