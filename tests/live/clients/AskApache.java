import java.io.IOException;
import java.util.Scanner;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.client.methods.HttpUriRequest;
import org.apache.http.entity.StringEntity;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.util.EntityUtils;

/** Apache HttpClient 4.5: each line holds a method and URLs, the last of which is asked by it. */
public class AskApache {
    public static void main(String[] none) throws IOException {
        Scanner lines = new Scanner(System.in);
        while (lines.hasNextLine()) {
            String[] words = lines.nextLine().split(" ");
            try (CloseableHttpClient client = HttpClients.createDefault()) {
                for (int i = 1; i < words.length; i++) {
                    HttpUriRequest request = new HttpGet(words[i]);
                    if (i == words.length - 1 && words[0].equals("POST")) {
                        HttpPost post = new HttpPost(words[i]);
                        post.setEntity(new StringEntity("a=b"));
                        request = post;
                    }
                    try (CloseableHttpResponse answer = client.execute(request)) {
                        EntityUtils.consume(answer.getEntity());
                    } catch (IOException dropped) {
                        continue;
                    }
                }
            }
        }
    }
}
