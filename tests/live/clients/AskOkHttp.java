import java.io.IOException;
import java.util.Scanner;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** OkHttp: each line holds a method and URLs, of which the last is asked for by it. */
public class AskOkHttp {
    public static void main(String[] none) {
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            String[] words = lines.nextLine().split(" ");
            OkHttpClient client = new OkHttpClient();
            for (int i = 1; i < words.length; i++) {
                Request.Builder request = new Request.Builder().url(words[i]);
                if (i == words.length - 1 && words[0].equals("POST")) {
                    request.post(RequestBody.create(MediaType.parse("text/plain"), "a=b"));
                }
                try (Response answer = client.newCall(request.build()).execute()) {
                    answer.body().bytes();
                } catch (IOException dropped) {
                    continue;
                }
            }
        }
        System.exit(0);
    }
}
