import edge.bitfit.Engine;
import java.nio.file.Files;
import java.nio.file.Path;

/** Answers texts with a classification pack: {@code java -Djava.library.path=build/java -cp classes Answer BASE PACK TEXT…}. */
public final class Answer {
    public static void main(String[] arguments) throws Exception {
        try (Engine engine = new Engine(arguments[0])) {
            engine.install("task", Files.readAllBytes(Path.of(arguments[1])), null);
            for (int index = 2; index < arguments.length; index++) {
                System.out.println(engine.predict("task", arguments[index]).label());
            }
        }
    }
}
