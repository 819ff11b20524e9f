import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Scanner;

/** java.net.http: each line holds a method and URLs, of which the last is asked for by it. */
public class AskHttpClient {
    public static void main(String[] none) throws InterruptedException {
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            String[] words = lines.nextLine().split(" ");
            HttpClient client =
                    HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
            for (int i = 1; i < words.length; i++) {
                boolean post = i == words.length - 1 && words[0].equals("POST");
                HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(words[i]));
                if (post) request.POST(HttpRequest.BodyPublishers.ofString("a=b"));
                try {
                    client.send(request.build(), HttpResponse.BodyHandlers.ofString());
                } catch (IOException dropped) {
                    continue;
                }
            }
        }
    }
}
